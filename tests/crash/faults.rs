//! A library that makes chosen calls of another program fail, or ends it there.
//!
//! It is no module of the tests: they compile it by itself, as a shared library, and have the
//! dynamic linker put it in front of the C library (`LD_PRELOAD`). So what is tested is the program
//! that users run, unchanged. Calls that change something below one folder are counted, and the
//! k-th of them meets a fault; all others pass. It needs nothing but Rust's standard library, and a
//! system whose programs load the C library (Linux, glibc).
//!
//! | variable | what it says |
//! |---|---|
//! | `FAULTS_BELOW` | the folder: calls about other files pass uncounted |
//! | `FAULTS_LOG` | the log of counted calls, a line each: `reads` or `writes`, operation, path |
//! | `FAULTS_AT` | k, counted from 1 |
//! | `FAULTS_KIND` | one of the names in [`Fault::parse`] |
//! | `FAULTS_OUTSIDE` | the log of calls that change something elsewhere, a line each |
//! | `FAULTS_PROGRAM` | the name of the program that is meant, for its children inherit all this |

use std::cell::Cell;
use std::collections::HashMap;
use std::env;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_long, c_uint, c_void};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// None: all calls are counted.
    Nothing,
    /// The call fails once: a disk or a network that hiccups.
    Eio,
    /// An error: from this call on nothing can be added. A write takes half of its bytes first.
    Full(c_int),
    /// A file or folder cannot be read or looked at, once. Only such calls are counted then.
    Unreadable,
    /// The process dies before the call.
    Kill,
    /// The process dies after half of a write, or after any other call.
    Torn,
    /// The machine dies before the call: what was not flushed is lost.
    Power,
}

impl Fault {
    fn parse(name: &str) -> Option<Fault> {
        Some(match name {
            "nothing" => Fault::Nothing,
            "eio" => Fault::Eio,
            "full" => Fault::Full(ENOSPC),
            "quota" => Fault::Full(EDQUOT),
            "unreadable" => Fault::Unreadable,
            "kill" => Fault::Kill,
            "torn" => Fault::Torn,
            "power" => Fault::Power,
            _ => return None,
        })
    }
}

/// The fault that the environment asks for.
struct Plan {
    below: PathBuf,
    at: usize,
    fault: Fault,
    log: c_int,
    outside: c_int,
}

fn plan() -> Option<&'static Plan> {
    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
    PLAN.get_or_init(|| {
        let program = env::var_os("FAULTS_PROGRAM")?;
        if fs::read_link("/proc/self/exe").ok()?.file_name()? != program {
            return None;
        }
        let log = |name| {
            let name = CString::new(env::var_os(name)?.as_bytes()).ok()?;
            let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
            // SAFETY: the name ends with a zero byte, and the call is the C library's.
            Some(unsafe { real::open(name.as_ptr(), flags, 0o644) })
        };
        Some(Plan {
            below: env::var_os("FAULTS_BELOW")?.into(),
            at: env::var("FAULTS_AT").ok()?.parse().ok()?,
            fault: Fault::parse(&env::var("FAULTS_KIND").ok()?)?,
            log: log("FAULTS_LOG")?,
            outside: log("FAULTS_OUTSIDE")?,
        })
    })
    .as_ref()
}

/// The verdict on a call.
enum Verdict {
    Pass,
    Fail(c_int),
    /// Half of a write.
    Half,
    /// Half of a write, or all of another call, and then death.
    Torn,
}

/// Kind of a call: it reads or changes.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Reads,
    /// It makes something that takes room on the disk.
    Adds,
    Changes,
}

static N_CALLS: AtomicUsize = AtomicUsize::new(0);

/// Part of each file that is on the disk, of those that have more than that.
static FLUSHED: Mutex<Option<HashMap<PathBuf, i64>>> = Mutex::new(None);

thread_local! {
    /// `true` while this library itself makes calls, which are none of the program's.
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Decides about a call of the program.
fn judge(operation: &str, way: Way, path: impl FnOnce() -> Option<PathBuf>) -> Verdict {
    if IS_INSIDE.try_with(|it| it.replace(true)).unwrap_or(true) {
        return Verdict::Pass;
    }
    let verdict = plan().map_or(Verdict::Pass, |plan| {
        match path() {
            Some(path) if path.starts_with(&plan.below) => plan.judge(operation, way, &path),
            Some(path) => {
                if way != Way::Reads && is_file(&path) {
                    log(plan.outside, &[operation], &path);
                }
                Verdict::Pass
            }
            None => Verdict::Pass,
        }
    });
    IS_INSIDE.set(false);
    verdict
}

/// Notes what a rename takes away elsewhere: [`judge`] only sees where it goes.
fn note_taken(path: Option<PathBuf>) {
    if let (Some(plan), Some(path)) = (plan(), path)
        && !path.starts_with(&plan.below)
        && is_file(&path)
    {
        log(plan.outside, &["rename"], &path);
    }
}

/// `true` if it is the path of a file on a disk. The system's own files, pipes and sockets are
/// none.
fn is_file(path: &Path) -> bool {
    path.is_absolute() && !["/dev", "/proc", "/sys"].iter().any(|it| path.starts_with(it))
}

/// Adds a line to a log.
fn log(log: c_int, words: &[&str], path: &Path) {
    let mut line = words.join(" ").into_bytes();
    line.push(b' ');
    line.extend_from_slice(path.as_os_str().as_bytes());
    line.push(b'\n');
    // SAFETY: the bytes live as long as the call, which is the C library's.
    unsafe { real::write(log, line.as_ptr().cast(), line.len()) };
}

impl Plan {
    fn judge(&self, operation: &str, way: Way, path: &Path) -> Verdict {
        let (reads, meant) = (way == Way::Reads, self.fault == Fault::Unreadable);
        if reads != meant && self.fault != Fault::Nothing {
            return Verdict::Pass;
        }
        let number = N_CALLS.fetch_add(1, Ordering::Relaxed) + 1;
        log(self.log, &[if reads { "reads" } else { "writes" }, operation], path);
        if number < self.at {
            return Verdict::Pass;
        }
        match self.fault {
            Fault::Nothing => Verdict::Pass,
            Fault::Full(_) if way != Way::Adds => Verdict::Pass,
            Fault::Full(_) if number == self.at && operation == "write" => Verdict::Half,
            Fault::Full(error) => Verdict::Fail(error),
            _ if number > self.at => Verdict::Pass,
            Fault::Eio | Fault::Unreadable => Verdict::Fail(EIO),
            Fault::Kill => die(),
            Fault::Torn => Verdict::Torn,
            Fault::Power => {
                let flushed = FLUSHED.lock().unwrap_or_else(PoisonError::into_inner);
                for (path, len) in flushed.iter().flatten() {
                    let path = CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
                    // SAFETY: the name ends with a zero byte.
                    unsafe { truncate(path.as_ptr(), *len) };
                }
                die()
            }
        }
    }
}

fn die() -> ! {
    // SAFETY: no pointers.
    unsafe {
        kill(getpid(), 9);
        _exit(1) // not reached: nothing outlives that signal
    }
}

/// Does a call that is not a write as the verdict says.
fn as_judged<T: From<i8>>(verdict: Verdict, call: impl FnOnce() -> T) -> T {
    match verdict {
        Verdict::Pass | Verdict::Half => call(),
        Verdict::Torn => {
            call();
            die()
        }
        Verdict::Fail(error) => {
            // SAFETY: the address is that of this thread's errno.
            unsafe { *__errno_location() = error };
            T::from(-1)
        }
    }
}

/// Notes that bytes are about to be added to an open file, or that they were flushed.
fn note(file: c_int, is_flushed: bool) {
    if plan().is_none_or(|it| it.fault != Fault::Power) {
        return;
    }
    let Some(path) = path_of(file) else { return };
    let mut all = FLUSHED.lock().unwrap_or_else(PoisonError::into_inner);
    let all = all.get_or_insert_default();
    if is_flushed {
        all.remove(&path);
    } else if let Ok(found) = fs::metadata(&path) {
        all.entry(path).or_insert(found.len() as i64);
    }
}

/// The unflushed bytes of a file keep their place when it is renamed.
fn note_rename(from: &Path, to: &Path) {
    let mut all = FLUSHED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(all) = all.as_mut() {
        match all.remove(from) {
            Some(len) => all.insert(to.to_owned(), len),
            None => all.remove(to),
        };
    }
}

/// The path of an open file.
fn path_of(file: c_int) -> Option<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{file}")).ok()
}

/// The path that is named relative to an open folder, or to the current one.
///
/// # Safety
/// `name` ends with a zero byte, or is null.
unsafe fn path_at(folder: c_int, name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: as this function demands.
    let name = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes()));
    let base = match folder {
        _ if name.is_absolute() => PathBuf::new(),
        AT_FDCWD => env::current_dir().ok()?,
        folder => path_of(folder)?,
    };
    // Without `.` in it, which a comparison of names would not see through.
    Some(base.join(name).components().collect())
}

fn open_way(flags: c_int) -> Way {
    match flags {
        _ if flags & O_CREAT != 0 => Way::Adds,
        _ if flags & (O_WRONLY | O_RDWR) != 0 => Way::Changes,
        _ => Way::Reads,
    }
}

const AT_FDCWD: c_int = -100;
const O_WRONLY: c_int = 1;
const O_RDWR: c_int = 2;
const O_CREAT: c_int = 0o100;
const O_APPEND: c_int = 0o2000;
const O_CLOEXEC: c_int = 0o2_000_000;
const EIO: c_int = 5;
const ENOSPC: c_int = 28;
const EDQUOT: c_int = 122;

unsafe extern "C" {
    fn __errno_location() -> *mut c_int;
    fn _exit(code: c_int) -> !;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn getpid() -> c_int;
    fn kill(pid: c_int, signal: c_int) -> c_int;
    fn truncate(path: *const c_char, len: i64) -> c_int;
}

/// Declares functions of the C library twice: in `real` as they are, and, if there is a body, as
/// what the program finds in their place.
macro_rules! calls {
    ($(fn $name:ident($($arg:ident: $type:ty),*) -> $result:ty $body:block)*) => {
        /// The functions of the C library.
        mod real {
            use super::*;
            $(
                pub(crate) unsafe fn $name($($arg: $type),*) -> $result {
                    static FOUND: AtomicUsize = AtomicUsize::new(0);
                    let mut found = FOUND.load(Ordering::Relaxed);
                    if found == 0 {
                        let name = concat!(stringify!($name), "\0");
                        const NEXT: *mut c_void = -1_isize as *mut c_void;
                        // SAFETY: the name ends with a zero byte.
                        found = unsafe { dlsym(NEXT, name.as_ptr().cast()) } as usize;
                        FOUND.store(found, Ordering::Relaxed);
                    }
                    // SAFETY: the C library's function of this name has this type.
                    let call: unsafe extern "C" fn($($type),*) -> $result =
                        unsafe { std::mem::transmute(found) };
                    // SAFETY: the arguments are those of the caller.
                    unsafe { call($($arg),*) }
                }
            )*
        }
        $(
            /// The function of this name, with a fault where one is due.
            ///
            /// # Safety
            /// As that of the C library.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) -> $result $body
        )*
    };
}

// SAFETY of all that follows: the arguments are the program's and are passed on as they are, except
// that a write may get a smaller length.
calls! {
    fn open(name: *const c_char, flags: c_int, mode: c_uint) -> c_int {
        let verdict = judge("open", open_way(flags), || unsafe { path_at(AT_FDCWD, name) });
        as_judged(verdict, || unsafe { real::open(name, flags, mode) })
    }
    fn open64(name: *const c_char, flags: c_int, mode: c_uint) -> c_int {
        let verdict = judge("open", open_way(flags), || unsafe { path_at(AT_FDCWD, name) });
        as_judged(verdict, || unsafe { real::open64(name, flags, mode) })
    }
    fn openat(folder: c_int, name: *const c_char, flags: c_int, mode: c_uint) -> c_int {
        let verdict = judge("open", open_way(flags), || unsafe { path_at(folder, name) });
        as_judged(verdict, || unsafe { real::openat(folder, name, flags, mode) })
    }
    fn openat64(folder: c_int, name: *const c_char, flags: c_int, mode: c_uint) -> c_int {
        let verdict = judge("open", open_way(flags), || unsafe { path_at(folder, name) });
        as_judged(verdict, || unsafe { real::openat64(folder, name, flags, mode) })
    }
    fn read(file: c_int, to: *mut c_void, len: usize) -> isize {
        let verdict = judge("read", Way::Reads, || path_of(file));
        as_judged(verdict, || unsafe { real::read(file, to, len) })
    }
    fn opendir(name: *const c_char) -> *mut c_void {
        match judge("opendir", Way::Reads, || unsafe { path_at(AT_FDCWD, name) }) {
            Verdict::Fail(error) => {
                unsafe { *__errno_location() = error };
                std::ptr::null_mut()
            }
            _ => unsafe { real::opendir(name) },
        }
    }
    fn statx(
        folder: c_int, name: *const c_char, flags: c_int, mask: c_uint, to: *mut c_void
    ) -> c_int {
        let path = || unsafe {
            let is_named = !name.is_null() && *name != 0;
            if is_named { path_at(folder, name) } else { path_of(folder) }
        };
        as_judged(judge("stat", Way::Reads, path), || unsafe {
            real::statx(folder, name, flags, mask, to)
        })
    }
    fn write(file: c_int, from: *const c_void, len: usize) -> isize {
        let verdict = judge("write", Way::Adds, || path_of(file));
        note(file, false);
        match verdict {
            Verdict::Half if len < 2 => as_judged(Verdict::Fail(ENOSPC), || 0),
            Verdict::Half => unsafe { real::write(file, from, len / 2) },
            Verdict::Torn => {
                unsafe { real::write(file, from, len / 2) };
                die()
            }
            other => as_judged(other, || unsafe { real::write(file, from, len) }),
        }
    }
    fn pwrite64(file: c_int, from: *const c_void, len: usize, at: i64) -> isize {
        let verdict = judge("write", Way::Adds, || path_of(file));
        note(file, false);
        as_judged(verdict, || unsafe { real::pwrite64(file, from, len, at) })
    }
    fn writev(file: c_int, parts: *const c_void, n_parts: c_int) -> isize {
        let verdict = judge("writev", Way::Adds, || path_of(file));
        note(file, false);
        as_judged(verdict, || unsafe { real::writev(file, parts, n_parts) })
    }
    fn copy_file_range(
        from: c_int, from_at: *mut i64, to: c_int, to_at: *mut i64, len: usize, flags: c_uint
    ) -> isize {
        let verdict = judge("copy", Way::Adds, || path_of(to));
        note(to, false);
        as_judged(verdict, || unsafe {
            real::copy_file_range(from, from_at, to, to_at, len, flags)
        })
    }
    fn sendfile64(to: c_int, from: c_int, at: *mut i64, len: usize) -> isize {
        let verdict = judge("copy", Way::Adds, || path_of(to));
        note(to, false);
        as_judged(verdict, || unsafe { real::sendfile64(to, from, at, len) })
    }
    fn fsync(file: c_int) -> c_int {
        let done = as_judged(judge("sync", Way::Adds, || path_of(file)), || unsafe {
            real::fsync(file)
        });
        if done == 0 { note(file, true) }
        done
    }
    fn fdatasync(file: c_int) -> c_int {
        let done = as_judged(judge("sync", Way::Adds, || path_of(file)), || unsafe {
            real::fdatasync(file)
        });
        if done == 0 { note(file, true) }
        done
    }
    fn ftruncate(file: c_int, len: c_long) -> c_int {
        let verdict = judge("truncate", Way::Changes, || path_of(file));
        as_judged(verdict, || unsafe { real::ftruncate(file, len) })
    }
    fn ftruncate64(file: c_int, len: i64) -> c_int {
        let verdict = judge("truncate", Way::Changes, || path_of(file));
        as_judged(verdict, || unsafe { real::ftruncate64(file, len) })
    }
    fn fchmod(file: c_int, mode: c_uint) -> c_int {
        let verdict = judge("chmod", Way::Changes, || path_of(file));
        as_judged(verdict, || unsafe { real::fchmod(file, mode) })
    }
    fn rename(from: *const c_char, to: *const c_char) -> c_int {
        let verdict = judge("rename", Way::Changes, || unsafe { path_at(AT_FDCWD, to) });
        note_taken(unsafe { path_at(AT_FDCWD, from) });
        let done = as_judged(verdict, || unsafe { real::rename(from, to) });
        let paths = unsafe { (path_at(AT_FDCWD, from), path_at(AT_FDCWD, to)) };
        if let (0, (Some(from), Some(to))) = (done, paths) { note_rename(&from, &to) }
        done
    }
    fn renameat(
        from_folder: c_int, from: *const c_char, to_folder: c_int, to: *const c_char
    ) -> c_int {
        let verdict = judge("rename", Way::Changes, || unsafe { path_at(to_folder, to) });
        note_taken(unsafe { path_at(from_folder, from) });
        as_judged(verdict, || unsafe { real::renameat(from_folder, from, to_folder, to) })
    }
    fn renameat2(
        from_folder: c_int, from: *const c_char, to_folder: c_int, to: *const c_char, flags: c_uint
    ) -> c_int {
        let verdict = judge("rename", Way::Changes, || unsafe { path_at(to_folder, to) });
        note_taken(unsafe { path_at(from_folder, from) });
        as_judged(verdict, || unsafe { real::renameat2(from_folder, from, to_folder, to, flags) })
    }
    fn link(from: *const c_char, to: *const c_char) -> c_int {
        let verdict = judge("link", Way::Adds, || unsafe { path_at(AT_FDCWD, to) });
        as_judged(verdict, || unsafe { real::link(from, to) })
    }
    fn linkat(
        from_folder: c_int, from: *const c_char, to_folder: c_int, to: *const c_char, flags: c_int
    ) -> c_int {
        let verdict = judge("link", Way::Adds, || unsafe { path_at(to_folder, to) });
        as_judged(verdict, || unsafe { real::linkat(from_folder, from, to_folder, to, flags) })
    }
    fn symlink(content: *const c_char, name: *const c_char) -> c_int {
        let verdict = judge("link", Way::Adds, || unsafe { path_at(AT_FDCWD, name) });
        as_judged(verdict, || unsafe { real::symlink(content, name) })
    }
    fn unlink(name: *const c_char) -> c_int {
        let verdict = judge("unlink", Way::Changes, || unsafe { path_at(AT_FDCWD, name) });
        as_judged(verdict, || unsafe { real::unlink(name) })
    }
    fn unlinkat(folder: c_int, name: *const c_char, flags: c_int) -> c_int {
        let verdict = judge("unlink", Way::Changes, || unsafe { path_at(folder, name) });
        as_judged(verdict, || unsafe { real::unlinkat(folder, name, flags) })
    }
    fn rmdir(name: *const c_char) -> c_int {
        let verdict = judge("rmdir", Way::Changes, || unsafe { path_at(AT_FDCWD, name) });
        as_judged(verdict, || unsafe { real::rmdir(name) })
    }
    fn mkdir(name: *const c_char, mode: c_uint) -> c_int {
        let verdict = judge("mkdir", Way::Adds, || unsafe { path_at(AT_FDCWD, name) });
        as_judged(verdict, || unsafe { real::mkdir(name, mode) })
    }
}
