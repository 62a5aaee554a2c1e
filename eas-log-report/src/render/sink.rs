//! Writing files so that a reader never sees half of one.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes a file by way of a temporary one beside it: whatever happens, the old file or the new one
/// is there, whole.
///
/// # Errors
/// If the file cannot be written.
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".eas-log-report-");
    // A report is as readable as any other new file, not private as a temporary one.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file: NamedTempFile = builder.tempfile_in(folder)?;
    let mut buffered = io::BufWriter::with_capacity(256 << 10, file);
    write(&mut buffered)?;
    let file = buffered.into_inner()?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
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
}
