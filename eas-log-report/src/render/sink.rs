//! Writing files so that a reader never sees half of one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Writes a file by way of a temporary one beside it: whatever happens, the old file or the new one
/// is there, whole. A symbolic link stays, and what it leads to is replaced. What is no file, such as
/// a device or a named pipe, is written to as it is.
///
/// # Errors
/// If the file cannot be written.
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    match Place::find(path)? {
        Place::File(path) => {
            let mut buffered = io::BufWriter::with_capacity(BUFFER, temporary_beside(&path)?);
            write(&mut buffered)?;
            let file = buffered.into_inner()?;
            file.as_file().sync_all()?;
            // What was kept from others is kept from them on.
            #[cfg(unix)]
            if let Ok(found) = path.metadata() {
                file.as_file().set_permissions(found.permissions())?;
            }
            file.persist(&path)?;
            Ok(())
        }
        Place::Device(path) => {
            // Where this leads to a file after all, as with /dev/fd/3, the rest of it is not ours.
            let out = OpenOptions::new()
                .write(true)
                .append(cfg!(unix))
                .open(path)?;
            let mut buffered = io::BufWriter::with_capacity(BUFFER, out);
            write(&mut buffered)?;
            buffered.flush()
        }
        Place::Stdout => {
            let mut buffered = io::BufWriter::with_capacity(BUFFER, io::stdout().lock());
            write(&mut buffered)?;
            buffered.flush()
        }
    }
}

/// Tries whether [`write_atomically`] can write there. What is there stays as it is.
///
/// # Errors
/// If it cannot, as far as that shows without writing.
pub fn try_to_write(path: &Path) -> io::Result<()> {
    if let Place::File(path) = Place::find(path)? {
        if path.exists() {
            OpenOptions::new().write(true).open(&path)?;
        }
        temporary_beside(&path)?;
    }
    Ok(())
}

/// Tries whether [`write_folder`] can write there, and makes the folder if it is not there.
///
/// # Errors
/// If it cannot.
pub fn try_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    temporary_beside(&folder.join("file")).map(drop)
}

const BUFFER: usize = 256 << 10;

/// What a path of output leads to.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// A file, or nothing yet; behind all links.
    File(PathBuf),
    /// What takes bytes as they come, and must not be replaced.
    Device(PathBuf),
    /// Standard output, by one of its names as a file.
    Stdout,
}

/// So many links lead to a file at most; more are taken for a circle, as by the system.
const MOST_LINKS: usize = 40;

impl Place {
    fn find(path: &Path) -> io::Result<Place> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            if cfg!(unix)
                && ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]
                    .map(Path::new)
                    .contains(&path.as_path())
            {
                return Ok(Place::Stdout);
            }
            let found = match path.symlink_metadata() {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(Place::File(path));
                }
                // Windows tells nothing of NUL and the like.
                Err(_) if cfg!(windows) => return Ok(Place::Device(path)),
                Err(error) => return Err(error),
            };
            if found.is_symlink() {
                // The links of open files lead to names that need not be those of the files.
                if cfg!(unix) && path.starts_with("/proc") {
                    return Ok(Place::Device(path));
                }
                let target = fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("")).join(target);
            } else if found.is_dir() {
                return Err(io::Error::from(io::ErrorKind::IsADirectory));
            } else if found.is_file() {
                return Ok(Place::File(path));
            } else {
                return Ok(Place::Device(path));
            }
        }
        Err(io::Error::other("its links lead in a circle"))
    }
}

/// A new file in the folder of another.
fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".eas-log-report-");
    // A report is as readable as any other new file, not private as a temporary one.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|error| {
        let (kind, folder) = (error.kind(), folder.display());
        io::Error::new(kind, format!("no file can be made in {folder}: {kind}"))
    })
}

/// Writes files into a folder, which is made if it is not there.
///
/// # Errors
/// If one cannot be written.
pub fn write_folder(
    folder: &Path,
    files: impl IntoIterator<Item = (String, Vec<u8>)>,
) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, content) in files {
        write_atomically(&folder.join(name), |out| out.write_all(&content))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.txt");
        write_atomically(&path, |out| out.write_all(b"old")).unwrap();
        let failed = write_atomically(&path, |out| {
            out.write_all(b"new")?;
            Err(io::Error::other("power cut"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left behind"
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_what_they_lead_to_is_replaced() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("real")).unwrap();
        fs::write(path("real/report.txt"), "old").unwrap();
        fs::set_permissions(path("real/report.txt"), PermissionsExt::from_mode(0o600)).unwrap();
        symlink("real/report.txt", path("second")).unwrap();
        symlink("second", path("first")).unwrap();
        symlink("real/new.txt", path("dangling")).unwrap();
        symlink("circle", path("circle")).unwrap();
        for (link, target) in [("first", "real/report.txt"), ("dangling", "real/new.txt")] {
            try_to_write(&path(link)).unwrap();
            write_atomically(&path(link), |out| out.write_all(b"new")).unwrap();
            assert!(path(link).is_symlink(), "{link}");
            assert_eq!(fs::read(path(target)).unwrap(), b"new", "{link}");
        }
        let mode = |name| path(name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("real/report.txt"), 0o600, "it was private");
        assert_ne!(mode("real/new.txt"), 0o600);
        assert!(try_to_write(&path("circle")).is_err());
        assert!(write_atomically(&path("real"), |_| Ok(())).is_err());
        assert_eq!(fs::read_dir(path("real")).unwrap().count(), 2);
    }

    /// A socket is no file, and opening it fails at once.
    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_never_replaced() {
        use std::os::unix::fs::FileTypeExt;
        use std::os::unix::net::UnixListener;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _listener = UnixListener::bind(&path).unwrap();
        assert_eq!(Place::find(&path).unwrap(), Place::Device(path.clone()));
        assert!(write_atomically(&path, |out| out.write_all(b"new")).is_err());
        assert!(path.metadata().unwrap().file_type().is_socket());
        for name in ["/dev/stdout", "/dev/fd/1"] {
            assert_eq!(
                Place::find(Path::new(name)).unwrap(),
                Place::Stdout,
                "{name}"
            );
        }
    }
}
