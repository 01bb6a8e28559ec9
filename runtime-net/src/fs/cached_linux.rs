//! What can be done with files at once, as the system has it in memory: as Linux tells.
//!
//! Linux looks a path up without waiting if it is told to (`RESOLVE_CACHED`), and reads without
//! waiting (`RWF_NOWAIT`). What lies between, the opening itself, it may hand to a server or to a
//! process of a user's, and then it takes as long as they like. So a file is opened here only if it is
//! a regular one on a mount that is known to be near, on a disk of this machine or in its memory.
//! Which are near is asked on threads of the pool, as the answer may take time too.
//!
//! ```text
//! look up (O_PATH opens nothing) → regular? on a near mount? → open → still so? → read
//!     └──────────────┴──────────────────┴───────────────────────┴────────────────┴─▶ the pool does it all
//! ```
//!
//! A mount is known by its number, which Linux since 6.8 gives only once. Numbers of devices come
//! again: one that was a disk may be a server's by now.
//!
//! Some things may still wait for a disk of this machine, as they do in io_uring's hands: an access
//! list or a key that is not in memory yet; the time of an access, which is written once a day and
//! after a change; what tmpfs has had to swap out, as it may happen to our own memory. NFS and 9P may
//! ask their server when a path ends at the root of a mount of theirs, or in `..`. What watches every
//! opening, a scanner for viruses, makes us wait as well.

use std::fs::{File as StdFile, Metadata};
use std::io::IoSliceMut;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
// Of std, since loom's do not outlive a model. No order hangs on them.
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use runtime_sync::budget;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags};
use rustix::io::{Errno, ReadWriteFlags};

use super::READ_MAX;

/// What was done at once. Otherwise a thread has to do it.
pub(super) type Attempt<R> = Result<R, Miss>;

/// Why it was not done.
#[derive(Debug)]
pub(super) enum Miss {
    /// It may take time, or is an error for std to tell.
    Slow,
    /// Nobody knows yet whether the mount is near.
    Unknown,
}

impl Miss {
    /// Has us know more the next time. May block.
    ///
    /// The path is looked up again: a descriptor would be held open until a thread is free.
    pub(super) fn learn(self, path: &Path) {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        if let Miss::Unknown = self
            && let Ok(place) = rustix::fs::open(path, flags, Mode::empty())
            && let Ok(stat) = look(&place)
        {
            mounts::learn(&place, &stat);
        }
    }
}

impl From<Errno> for Miss {
    fn from(_: Errno) -> Miss {
        Miss::Slow
    }
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Home {
    /// Nobody has asked yet.
    #[default]
    Unknown,
    /// Where only a thread should go that may block.
    Far,
    /// On a disk of this machine: what was used lately is in memory.
    Disk,
    /// In memory.
    Memory,
}

impl Home {
    pub(super) fn is_near(self) -> bool {
        matches!(self, Home::Disk | Home::Memory)
    }
}

/// The whole file, if it is short.
pub(super) fn read(path: &Path) -> Attempt<Vec<u8>> {
    let place = Place::find(path)?;
    // One more, to see that nothing follows.
    let room = usize::try_from(place.stat.stx_size).unwrap_or(usize::MAX).saturating_add(1);
    if room > READ_MAX + 1 {
        return Err(Miss::Slow);
    }
    let (file, stat) = place.open(path)?;
    let mut bytes = vec![0; room];
    match read_now(&file, place.home, &mut bytes) {
        Ok(count) if count as u64 == stat.stx_size => {
            bytes.truncate(count);
            Ok(bytes)
        }
        Ok(_) | Err(Errno::AGAIN) => Err(Miss::Slow),
        // Not here, or not in this process.
        Err(_) => {
            mounts::set(&stat, Home::Far);
            Err(Miss::Slow)
        }
    }
}

/// The whole file, if it is short and text.
pub(super) fn read_to_string(path: &Path) -> Attempt<String> {
    String::from_utf8(read(path)?).map_err(|_| Miss::Slow)
}

/// The file, opened to read it, and where its bytes are.
pub(super) fn open(path: &Path) -> Attempt<(Home, StdFile)> {
    let place = Place::find(path)?;
    let (file, _) = place.open(path)?;
    // Nobody has asked for a file that does not wait.
    rustix::fs::fcntl_setfl(&file, OFlags::empty())?;
    Ok((place.home, file))
}

/// What the system knows about the file that a path leads to.
pub(super) fn metadata(path: &Path) -> Attempt<Metadata> {
    let place = Place::find(path)?;
    StdFile::from(place.fd).metadata().map_err(|_| Miss::Slow)
}

/// Reads from where the file stands, if that needs no waiting.
pub(super) fn read_now(file: &StdFile, home: Home, bytes: &mut [u8]) -> Result<usize, Errno> {
    let flags = match home {
        Home::Memory => ReadWriteFlags::empty(),
        Home::Disk => ReadWriteFlags::NOWAIT,
        Home::Unknown | Home::Far => return Err(Errno::OPNOTSUPP),
    };
    let count = rustix::io::preadv2(file, &mut [IoSliceMut::new(bytes)], u64::MAX, flags)?;
    spend(count);
    Ok(count)
}

/// Whether another try may find more in memory.
pub(super) fn is_for_now(error: &Errno) -> bool {
    *error == Errno::AGAIN
}

/// Counts what was copied, beyond the unit that each read costs, so that a task which reads without
/// end soon lets others in.
fn spend(count: usize) {
    for _ in 0..count / (16 * 1024) {
        if let Some(spent) = budget::proceed_now() {
            spent.made_progress();
        }
    }
}

/// Finds out where the bytes of a file are. May block.
pub(super) fn home(file: &StdFile) -> Home {
    match look(file) {
        // What goes past the system's memory waits for the disk, whatever it was told.
        Ok(stat) if is_regular(&stat) && !is_direct(file) => mounts::learn(file, &stat),
        _ => Home::Far,
    }
}

/// What a path leads to, on a mount that is near. It is not opened.
struct Place {
    fd: OwnedFd,
    stat: Statx,
    home: Home,
}

impl Place {
    fn find(path: &Path) -> Attempt<Place> {
        if !luck::is_worth_a_try() {
            return Err(Miss::Slow);
        }
        let found = Place::look_up(path);
        luck::note(found.is_ok());
        found
    }

    fn look_up(path: &Path) -> Attempt<Place> {
        let fd = open_cached(path, OFlags::PATH)?;
        let stat = look(&fd)?;
        match mounts::home(&stat) {
            Home::Unknown => Err(Miss::Unknown),
            Home::Far => Err(Miss::Slow),
            home => Ok(Place { fd, stat, home }),
        }
    }

    /// Opens it to read it: what the path leads to by now, which must be as near.
    fn open(&self, path: &Path) -> Result<(StdFile, Statx), Errno> {
        // A queue or a device may notice that it is opened.
        if !is_regular(&self.stat) {
            return Err(Errno::INVAL);
        }
        // Without waiting for whoever has a lease on it.
        let fd = open_cached(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
        let stat = look(&fd)?;
        if !is_regular(&stat) || stat.stx_mnt_id != self.stat.stx_mnt_id {
            return Err(Errno::AGAIN);
        }
        Ok((StdFile::from(fd), stat))
    }
}

fn open_cached(path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC;
    rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED)
}

/// `STATX_MNT_ID_UNIQUE`, which rustix does not know.
const MOUNT: StatxFlags = StatxFlags::from_bits_retain(0x4000);

/// What the system knows about a descriptor without asking anybody.
fn look(fd: impl AsFd) -> Result<Statx, Errno> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let wanted = StatxFlags::TYPE | StatxFlags::SIZE | MOUNT;
    let stat = rustix::fs::statx(fd, "", flags, wanted)?;
    if StatxFlags::from_bits_retain(stat.stx_mask).contains(wanted) {
        Ok(stat)
    } else {
        Err(Errno::NOSYS)
    }
}

fn is_regular(stat: &Statx) -> bool {
    FileType::from_raw_mode(stat.stx_mode.into()).is_file()
}

fn is_direct(file: &StdFile) -> bool {
    rustix::fs::fcntl_getfl(file).is_ok_and(|flags| flags.contains(OFlags::DIRECT))
}

/// Which mounts are near.
mod mounts {
    use super::*;

    /// The number of a mount, and where its files are. It is found by its number; another one that
    /// comes to lie in the same place drives it out.
    static MOUNTS: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

    fn place(mount: u64) -> &'static AtomicU64 {
        &MOUNTS[mount as usize % MOUNTS.len()]
    }

    pub(super) fn home(stat: &Statx) -> Home {
        let word = place(stat.stx_mnt_id).load(Relaxed);
        let homes = [Home::Unknown, Home::Far, Home::Disk, Home::Memory];
        if word >> 2 == stat.stx_mnt_id { homes[word as usize & 3] } else { Home::Unknown }
    }

    pub(super) fn set(stat: &Statx, home: Home) {
        place(stat.stx_mnt_id).store(stat.stx_mnt_id << 2 | home as u64, Relaxed);
    }

    /// Where the files of a mount are, one of which is given. May block.
    pub(super) fn learn(fd: impl AsFd, stat: &Statx) -> Home {
        let known = home(stat);
        if known != Home::Unknown {
            return known;
        }
        let learnt =
            rustix::fs::fstatfs(fd).map_or(Home::Far, |system| of_type(system.f_type as u32));
        set(stat, learnt);
        learnt
    }

    /// Not among them: what lies upon other file systems, and what cannot read without waiting.
    fn of_type(magic: u32) -> Home {
        const EXT: u32 = 0xef53;
        const XFS: u32 = 0x5846_5342;
        const BTRFS: u32 = 0x9123_683e;
        const F2FS: u32 = 0xf2f5_2010;
        const TMPFS: u32 = 0x0102_1994;
        const RAMFS: u32 = 0x8584_58f6;
        match magic {
            EXT | XFS | BTRFS | F2FS => Home::Disk,
            TMPFS | RAMFS => Home::Memory,
            _ => Home::Far,
        }
    }
}

/// Whether it is worth a try. Where nothing is ever found, most calls save the search.
mod luck {
    use super::*;

    /// How many searches in a row may be in vain.
    const PATIENCE: u32 = 16;
    /// After that, how many calls there are to a search.
    const RARITY: u32 = 64;

    /// How many searches there were since one that found something, and calls without one.
    static IN_VAIN: AtomicU32 = AtomicU32::new(0);

    pub(super) fn is_worth_a_try() -> bool {
        IN_VAIN.load(Relaxed) < PATIENCE || IN_VAIN.fetch_add(1, Relaxed).is_multiple_of(RARITY)
    }

    pub(super) fn note(has_found: bool) {
        if !has_found {
            IN_VAIN.fetch_add(1, Relaxed);
        } else if IN_VAIN.load(Relaxed) != 0 {
            IN_VAIN.store(0, Relaxed);
        }
    }
}
