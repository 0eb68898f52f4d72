"use strict";
// The figure in three dimensions, drawn by three.js: dots, some with a name, lines and areas. What
// they stand for is page.js's to know.

// How much is drawn of a figure while it is turned: the next of these each time that pictures take
// longer than a thirtieth of a second. What rests is drawn whole and sharp. Edges are made smooth
// by more pixels than the screen has: WebGL's own way would cost time while it is turned, too.
const EASE = [
  { ratio: Infinity, lines: Infinity, areas: Infinity },
  { ratio: 1, lines: 600, areas: 150 },
  { ratio: 1, lines: 200, areas: 30 },
];
// Pixels of the figure for one of the page, on each side.
const pixels = () => Math.min(3, Math.max(2, window.devicePixelRatio || 1));
// In milliseconds: when a figure that is let go rests, and when a picture of it took too long.
// Pictures come at the pace of the screen: the latter is between two and three of 60 a second.
const REST = 200, SLOW = 40;
// So many names are written at most; their height, and what is around their letters, in pixels.
const NAMES = 40, HIGH = 17, HALO = 2;
// How far from a dot it is pointed at, in pixels: with a mouse, with a finger.
const REACH = { mouse: 12, touch: 28 };
// From where one looks at first.
const FROM = [1.25, 1.25, 0.7];

class Figure {
  // In this element.
  constructor(box) {
    this.renderer = new THREE.WebGLRenderer({ alpha: true, antialias: false, stencil: false });
    const canvas = this.renderer.domElement;
    Object.assign(this, { box, canvas, scene: new THREE.Scene(), dots: [], old: [], level: 0,
      slow: 0, drewAt: null, changedAt: null, isMoved: false, isHeld: false, disc: round("fill"),
      ring: round("stroke"), vector: new THREE.Vector3() });
    this.renderer.autoClear = false;
    this.names = new Names();
    this.tip = element("div", { class: "tip", hidden: "" });
    box.replaceChildren(canvas, this.tip);
    this.camera = new THREE.PerspectiveCamera(30, 1, 0.1, 100);
    this.camera.up.set(0, 0, 1);
    this.camera.position.set(...FROM);
    this.controls = new THREE.OrbitControls(this.camera, canvas);
    this.controls.addEventListener("start", () => { this.isMoved = this.isHeld = true; });
    this.controls.addEventListener("end", () => { this.isHeld = false; });
    this.controls.addEventListener("change", () => this.turn());
    canvas.addEventListener("webglcontextrestored", () => this.rest());
    const isMouse = (event) => event.pointerType === "mouse";
    const point = (event) => this.say(isMouse(event) && event.buttons ? null
      : this.at(event, isMouse(event) ? REACH.mouse : REACH.touch));
    canvas.addEventListener("pointermove", (event) => isMouse(event) && point(event));
    canvas.addEventListener("pointerup", point);
    canvas.addEventListener("pointerleave", (event) => isMouse(event) && this.say(null));
    box.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.resize()).observe(box);
    // Only what was just drawn is printed.
    window.addEventListener("beforeprint", () => this.rest());
  }

  // Shows dots { at, size, color, isOpen, name, weight, said }, lines { ends, width, color,
  // opacity } and areas { corners, color, opacity }: of the last two, the first are the
  // strongest. All that is or may be shown is between these places.
  show({ dots, lines, areas, places, paper, ink }) {
    // What was shown is let go after the next picture: what the two have in common is kept then.
    this.old.push(...this.scene.children);
    this.scene.clear();
    this.isNew = true;
    const low = [0, 1, 2].map((axis) => Math.min(...places.map((it) => it[axis])));
    const high = [0, 1, 2].map((axis) => Math.max(...places.map((it) => it[axis])));
    const within = (at) => at.map((it, axis) => high[axis] > low[axis]
      ? (2 * (it - low[axis])) / (high[axis] - low[axis]) - 1 : 0);
    this.places = places.map((it) => new THREE.Vector3(...within(it)));
    this.dots = dots.map((it) => ({ ...it, in: new THREE.Vector3(...within(it.at)) }));
    this.scene.fog = new THREE.Fog(paper, 1, 100);
    this.renderer.setClearColor(paper, 1);
    const add = (thing, renderOrder) => {
      this.scene.add(thing);
      return Object.assign(thing, { renderOrder });
    };
    const geometry = (points) => new THREE.BufferGeometry().setAttribute("position",
      new THREE.Float32BufferAttribute(points.flatMap((it) => it.toArray()), 3));
    // Dots of a kind at once, before what is seen through.
    const kinds = new Map(this.dots.map((it) => [`${it.isOpen} ${it.size}`, []]));
    for (const it of this.dots) kinds.get(`${it.isOpen} ${it.size}`).push(it);
    for (const some of kinds.values()) {
      const its = geometry(some.map((it) => it.in));
      const colors = some.flatMap((it) => new THREE.Color(it.color).toArray());
      its.setAttribute("color", new THREE.Float32BufferAttribute(colors, 3));
      add(new THREE.Points(its, new THREE.PointsMaterial({ size: some[0].size,
        sizeAttenuation: false, map: some[0].isOpen ? this.ring : this.disc, vertexColors: true,
        transparent: true, alphaTest: 0.2 })), 0);
    }
    this.areas = areas.corners.length ? add(new THREE.Mesh(
      geometry(areas.corners.flat().map((it) => new THREE.Vector3(...within(it)))),
      new THREE.MeshBasicMaterial({ color: areas.color, opacity: areas.opacity, transparent: true,
        depthWrite: false, side: THREE.DoubleSide, forceSinglePass: true })), 1) : null;
    this.lines = lines.filter((it) => it.ends.length).map(({ ends, width, color, opacity }) => {
      const its = new THREE.LineSegmentsGeometry();
      its.setPositions(ends.flat().flatMap(within));
      const line = add(new THREE.LineSegments2(its, new THREE.LineMaterial({ color, opacity,
        linewidth: width, transparent: true, depthWrite: false, fog: true })), 2);
      return { line, count: ends.length };
    });
    const named = this.dots.filter((it) => it.name).sort((a, b) => b.weight - a.weight);
    this.names.set(named, `12px ${getComputedStyle(this.box).fontFamily}`, ink, paper);
    if (!this.isMoved) this.fit();
    this.turn();
  }

  // Looks at it from where one looks at first.
  reset() {
    this.isMoved = false;
    this.level = 0;
    this.fit();
    this.rest();
  }

  // As near as all of it is seen.
  fit() {
    if (!this.places?.length) return;
    const from = new THREE.Vector3(...FROM).normalize(), seen = new THREE.Vector3();
    this.controls.target.set(0, 0, 0);
    let far = 8;
    for (let round = 0; round < 8; round++) {
      this.camera.position.copy(from).multiplyScalar(far);
      this.controls.update();
      this.camera.updateMatrixWorld();
      far *= Math.max(...this.places.map((it) => {
        seen.copy(it).project(this.camera);
        return Math.max(Math.abs(seen.x) / 0.9, Math.abs(seen.y) / 0.84);
      }));
      far = Math.max(far, 3);
    }
  }

  resize() {
    const { clientWidth, clientHeight } = this.box;
    if (!clientWidth || !clientHeight) return;
    this.camera.aspect = clientWidth / clientHeight;
    this.camera.updateProjectionMatrix();
    this.renderer.setSize(clientWidth, clientHeight);
    this.isSized = true;
    if (!this.isMoved) this.fit();
    this.rest();
  }

  key(event) {
    const turns = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const turn = turns[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (turn) {
      this.controls.rotateLeft((turn[0] * Math.PI) / 24);
      this.controls.rotateUp((turn[1] * Math.PI) / 24);
    } else if (event.key === "+" || event.key === "=") this.controls.dollyIn(1 / 1.1);
    else if (event.key === "-") this.controls.dollyOut(1 / 1.1);
    else if (event.key === "Home") this.reset();
    else return;
    this.isMoved = event.key !== "Home";
    event.preventDefault();
  }

  // It has been turned, zoomed or moved: it is drawn with the next picture of the screen, until it
  // rests.
  turn() {
    this.isChanged = true;
    this.say(null);
    if (this.changedAt === null) {
      this.changedAt = performance.now();
      this.next = requestAnimationFrame((now) => this.step(now));
    }
  }

  step(now) {
    // A picture that was drawn right before this one tells how long it took.
    if (this.drewAt !== null) {
      this.slow = now - this.drewAt > SLOW ? this.slow + 1 : 0;
      if (this.slow > 1) [this.level, this.slow] = [Math.min(this.level + 1, EASE.length - 1), 0];
    }
    this.drewAt = null;
    if (this.isChanged) {
      this.isChanged = false;
      this.changedAt = now;
      // The first picture of something else takes longer, which says nothing of turning it.
      this.drewAt = this.isNew ? null : now;
      this.isNew = false;
      this.draw(EASE[this.level]);
    }
    if (!this.isHeld && now - this.changedAt > REST) this.rest();
    else this.next = requestAnimationFrame((next) => this.step(next));
  }

  rest() {
    cancelAnimationFrame(this.next);
    this.changedAt = this.drewAt = null;
    this.isChanged = false;
    this.draw(EASE[0]);
  }

  // Draws so much of it.
  draw({ ratio, lines, areas }) {
    if (!this.places || !this.isSized) return;
    const its = Math.min(pixels(), ratio);
    if (this.renderer.getPixelRatio() !== its) this.renderer.setPixelRatio(its);
    // The strongest are drawn first, and so are the widest lines.
    let left = lines;
    for (const { line, count } of this.lines) {
      line.geometry.instanceCount = Math.min(count, left);
      line.visible = line.geometry.instanceCount > 0;
      left -= line.geometry.instanceCount;
    }
    this.areas?.geometry.setDrawRange(0, 3 * areas);
    // What is far is paler.
    const far = this.camera.position.distanceTo(this.controls.target);
    [this.scene.fog.near, this.scene.fog.far] = [Math.max(0.1, far - 1), far + 4];
    this.renderer.clear();
    this.renderer.render(this.scene, this.camera);
    this.names.place((dot) => this.seen(dot), this.box.clientWidth, this.box.clientHeight);
    this.renderer.render(this.names.scene, this.names.camera);
    for (const it of this.old.splice(0)) { it.geometry.dispose(); it.material.dispose(); }
  }

  // Where a dot is on the screen, in pixels; null behind the eye.
  seen(dot) {
    const it = this.vector.copy(dot.in).project(this.camera);
    const { clientWidth, clientHeight } = this.box;
    if (it.z > 1) return null;
    return [((1 + it.x) * clientWidth) / 2, ((1 - it.y) * clientHeight) / 2, it.z];
  }

  // The dot that is pointed at: the nearest on the screen, of those the one in front.
  at(event, reach) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    for (const dot of this.dots) {
      const place = this.seen(dot);
      if (!place) continue;
      const far = Math.round(Math.hypot(place[0] - x, place[1] - y));
      const isBehind = best && (far - best.far || place[2] - best.place[2]) >= 0;
      if (far <= reach && !isBehind) best = { far, place, dot };
    }
    return best;
  }

  // Says what a dot is, beside it.
  say(found) {
    this.tip.hidden = !found;
    if (!found) return;
    this.tip.textContent = found.dot.said;
    this.tip.style.left = this.tip.style.top = "0";
    const [x, y] = found.place, { clientWidth, clientHeight } = this.box;
    const { offsetWidth, offsetHeight } = this.tip;
    const left = x + 12 + offsetWidth > clientWidth ? x - 12 - offsetWidth : x + 12;
    const top = y + 12 + offsetHeight > clientHeight ? y - 12 - offsetHeight : y + 12;
    this.tip.style.left = `${Math.max(0, Math.min(left, clientWidth - offsetWidth))}px`;
    this.tip.style.top = `${Math.max(0, Math.min(top, clientHeight - offsetHeight))}px`;
  }
}

// The names of dots, flat on the screen. They are written once, into one picture, of which parts
// are shown.
class Names {
  constructor() {
    this.scene = new THREE.Scene();
    this.camera = new THREE.OrthographicCamera(0, 1, 0, 1, -1, 1);
    this.canvas = document.createElement("canvas");
    // Written by the processor, which has it to give to the figure.
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.boxes = [];
    const corners = (size) => new THREE.Float32BufferAttribute(NAMES * 4 * size, size)
      .setUsage(THREE.DynamicDrawUsage);
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", corners(3)).setAttribute("uv", corners(2));
    const triangles = (k) => [0, 1, 2, 2, 1, 3].map((it) => 4 * k + it);
    geometry.setIndex([...Array(NAMES).keys()].flatMap(triangles));
    this.mesh = new THREE.Mesh(geometry, new THREE.MeshBasicMaterial({ transparent: true,
      depthTest: false, depthWrite: false, side: THREE.DoubleSide, forceSinglePass: true }));
    this.mesh.frustumCulled = false;
    this.scene.add(this.mesh);
  }

  // The names of these dots, those with the largest weight first.
  set(dots, font, ink, paper) {
    this.dots = dots;
    const texts = [...new Set(dots.map((it) => it.name))], ratio = pixels();
    const written = JSON.stringify([texts, font, ink, paper, ratio]);
    if (this.written === written) return;
    this.written = written;
    const it = this.context, wide = 2048 / ratio;
    it.font = font;
    // In rows, below each other. What has no room is not written.
    this.parts = new Map();
    let [x, y] = [0, 0];
    for (const text of texts) {
      const width = Math.min(wide, Math.ceil(it.measureText(text).width) + 2 * HALO);
      if (x + width > wide) [x, y] = [0, y + HIGH];
      if (y + HIGH > wide) break;
      this.parts.set(text, { x, y, width });
      x += width;
    }
    [this.wide, this.high] = [wide, y + HIGH];
    [this.canvas.width, this.canvas.height] = [this.wide * ratio, this.high * ratio];
    it.scale(ratio, ratio);
    Object.assign(it, { font, textBaseline: "middle", lineWidth: 2 * HALO, lineJoin: "round" });
    [it.strokeStyle, it.fillStyle] = [paper, ink];
    for (const [text, part] of this.parts) {
      it.strokeText(text, part.x + HALO, part.y + HIGH / 2);
      it.fillText(text, part.x + HALO, part.y + HIGH / 2);
    }
    const { material } = this.mesh;
    material.map?.dispose();
    material.map = new THREE.CanvasTexture(this.canvas);
    Object.assign(material.map, { generateMipmaps: false, minFilter: THREE.LinearFilter,
      colorSpace: THREE.SRGBColorSpace });
    material.needsUpdate = true;
  }

  // Puts them above the dots, as far as they do not cover each other. `seen` tells where a dot is.
  place(seen, width, height) {
    Object.assign(this.camera, { right: width, bottom: height }).updateProjectionMatrix();
    this.boxes = [];
    for (const dot of this.dots) {
      const part = this.parts.get(dot.name), at = part && seen(dot);
      if (!at) continue;
      const left = Math.round(at[0] - part.width / 2), bottom = Math.round(at[1] - dot.size / 2);
      const it = { part, left, right: left + part.width, top: bottom - HIGH, bottom };
      const touches = (other) => it.left < other.right && other.left < it.right
        && it.top < other.bottom && other.top < it.bottom;
      const isInside = left >= 0 && it.right <= width && it.top >= 0 && bottom <= height;
      if (isInside && !this.boxes.some(touches) && this.boxes.push(it) === NAMES) break;
    }
    const { position, uv } = this.mesh.geometry.attributes;
    this.boxes.forEach(({ part, left, right, top, bottom }, k) => {
      const corners = [[left, top], [right, top], [left, bottom], [right, bottom]];
      corners.forEach(([x, y], corner) => {
        position.setXYZ(4 * k + corner, x, y, 0);
        const [u, v] = [(part.x + x - left) / this.wide, (part.y + y - top) / this.high];
        uv.setXY(4 * k + corner, u, 1 - v);
      });
    });
    position.needsUpdate = uv.needsUpdate = true;
    this.mesh.geometry.setDrawRange(0, 6 * this.boxes.length);
  }
}

// A dot, in white: its color comes later.
function round(draws) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const it = canvas.getContext("2d");
  it.fillStyle = it.strokeStyle = "#fff";
  it.lineWidth = 12;
  it.arc(32, 32, draws === "fill" ? 31 : 25, 0, 2 * Math.PI);
  it[draws]();
  return new THREE.CanvasTexture(canvas);
}
