// What three.min.js holds of three.js, which is published in many files. The one file is made by
//   npm install three@0.187.0 esbuild@0.28.2
//   npx esbuild three.entry.js --bundle --minify --format=iife --global-name=THREE --target=es2022
//     --legal-comments=inline --outfile=three.min.js
// and holds no code but that of three.js.
export {
  BufferGeometry, CanvasTexture, Color, DoubleSide, DynamicDrawUsage, Float32BufferAttribute, Fog,
  LinearFilter, Mesh, MeshBasicMaterial, OrthographicCamera, PerspectiveCamera, Points,
  PointsMaterial, Scene, SRGBColorSpace, Vector3, WebGLRenderer,
} from "three";
export { OrbitControls } from "three/addons/controls/OrbitControls.js";
export { LineMaterial } from "three/addons/lines/LineMaterial.js";
export { LineSegments2 } from "three/addons/lines/LineSegments2.js";
export { LineSegmentsGeometry } from "three/addons/lines/LineSegmentsGeometry.js";
