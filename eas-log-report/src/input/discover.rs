//! Finding the files behind paths, folders and globs.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use globset::GlobMatcher;
use walkdir::WalkDir;

use super::open::Source;
use super::pattern::wildcards;
use super::stream::{MAGIC, Wrapping};
use super::zip::{archive_of, list};

/// What the paths of a command line come to.
#[derive(Debug, Default)]
pub struct Discovered {
    /// The inputs, each once, in the order of their names.
    pub sources: Vec<Source>,
    /// Paths that came to nothing, and why.
    pub problems: Vec<Problem>,
}

/// A path that could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The path, as it was given or found.
    pub path: PathBuf,
    /// What is wrong, as a sentence without its subject.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

/// Finds the files behind these paths: files as they are, folders with everything below them, patterns
/// with `*`, `?` and `**` where no file of that very name exists, and `-` for standard input. A zip archive is opened: each
/// file in it is a source.
///
/// A file that is named twice is read once. The order of the sources does not depend on the order
/// of the paths.
pub fn discover(paths: &[PathBuf]) -> Discovered {
    let mut found = Discovered::default();
    let mut files = Vec::new();
    let mut stdin = false;
    for path in paths {
        if path.as_os_str() == "-" {
            stdin = true;
        } else {
            find(path, &mut files, &mut found.problems);
        }
    }
    for name in each_once(files) {
        match zip_archive(&name) {
            None => found.sources.push(Source::File(name)),
            Some(archive) => {
                let listing = list(&name, &archive);
                let members = listing.members.into_iter().map(Source::Member);
                found.sources.extend(members);
                found
                    .problems
                    .extend(listing.problem.map(|what| Problem { path: name, what }));
            }
        }
    }
    if stdin {
        found.sources.push(Source::Stdin);
    }
    found
}

/// The source of this name, as reports show it: a file, or an archive and the name in it.
pub fn find_by_name(name: &str) -> Option<Source> {
    let path = Path::new(name);
    if path.is_file() {
        return Some(Source::File(path.to_owned()));
    }
    let archive = archive_of(name)?;
    let members = list(&archive, &zip_archive(&archive)?).members;
    let mut sources = members.into_iter().map(Source::Member);
    sources.find(|member| member.name() == name)
}

/// The file, if it is a zip archive. That is told by its first bytes. A file whose name ends like
/// that of a log is not opened for it: over a network that would take as long as a second search. Nor
/// is a pipe, since what is read from it is gone.
fn zip_archive(path: &Path) -> Option<File> {
    let is_log = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("log"));
    if is_log || !path.is_file() {
        return None;
    }
    // What cannot be read is told of when it is to be read as a log.
    let mut file = File::open(path).ok()?;
    let mut start = Vec::with_capacity(MAGIC);
    file.by_ref()
        .take(MAGIC as u64)
        .read_to_end(&mut start)
        .ok()?;
    (Wrapping::of(&start) == Some(Wrapping::Zip)).then_some(file)
}

/// A file that was found.
struct FoundFile {
    /// What it really is, so that two ways to name one file come to one source.
    identity: PathBuf,
    name: PathBuf,
}

impl FoundFile {
    fn named(name: &Path) -> FoundFile {
        FoundFile {
            identity: real(name),
            name: name.to_owned(),
        }
    }
}

/// The names of files, in order. Of several names of one file the first in order is shown, whatever was
/// asked for first.
fn each_once(mut files: Vec<FoundFile>) -> Vec<PathBuf> {
    let by_identity = |a: &FoundFile, b: &FoundFile| {
        let bytes = a.identity.as_os_str().cmp(b.identity.as_os_str());
        bytes.then_with(|| a.name.cmp(&b.name))
    };
    files.sort_unstable_by(by_identity);
    files.dedup_by(|a, b| a.identity.as_os_str() == b.identity.as_os_str());
    let mut names: Vec<PathBuf> = files.into_iter().map(|file| file.name).collect();
    names.sort();
    names
}

fn find(path: &Path, files: &mut Vec<FoundFile>, problems: &mut Vec<Problem>) {
    match path.metadata() {
        Ok(meta) if meta.is_dir() => walk(path, files, problems),
        Ok(_) => files.push(FoundFile::named(path)),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound || !is_pattern(path) {
                let what = match error.kind() {
                    io::ErrorKind::NotFound => "no such file or folder".to_owned(),
                    _ => format!("cannot be read: {error}"),
                };
                problems.push(Problem {
                    path: path.to_owned(),
                    what,
                });
            } else if let Err(what) = expand(path, files, problems) {
                problems.push(Problem {
                    path: path.to_owned(),
                    what,
                });
            }
        }
    }
}

/// What a path really is, links followed.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn walk(folder: &Path, files: &mut Vec<FoundFile>, problems: &mut Vec<Problem>) {
    // The folder in hand and what it really is, which is looked up once for all files in it.
    let mut parent = (PathBuf::new(), PathBuf::new());
    let known = problems.len();
    for entry in WalkDir::new(folder).follow_links(true) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => {
                let identity = match entry.path().parent() {
                    Some(folder) if !entry.path_is_symlink() => {
                        if parent.0 != folder {
                            parent = (folder.to_owned(), real(folder));
                        }
                        parent.1.join(entry.file_name())
                    }
                    _ => real(entry.path()),
                };
                let name = entry.into_path();
                files.push(FoundFile { identity, name });
            }
            Ok(_) => {}
            Err(error) => problems.extend(problem(folder, &error)),
        }
    }
    // To sort the few problems takes less than to sort each folder.
    problems[known..].sort_by(|a, b| a.path.cmp(&b.path));
}

/// What a search below a folder could not do. A link back to a folder above hides nothing.
fn problem(folder: &Path, error: &walkdir::Error) -> Option<Problem> {
    let cause = error.io_error()?;
    Some(Problem {
        path: error.path().unwrap_or(folder).to_owned(),
        what: match cause.kind() {
            io::ErrorKind::NotFound => "a link that leads to nothing".to_owned(),
            _ => format!("cannot be searched: {cause}"),
        },
    })
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?'])
}

/// What two stars stand for: any number of folders.
const ANY_FOLDERS: &str = "**";

/// Expands a pattern below its longest folder without wildcards.
fn expand(
    pattern: &Path,
    files: &mut Vec<FoundFile>,
    problems: &mut Vec<Problem>,
) -> Result<(), String> {
    let mut parts = pattern.components().peekable();
    let mut base = PathBuf::new();
    while let Some(part) = parts.next_if(|part| !is_pattern(part.as_ref())) {
        base.push(part);
    }
    if base.as_os_str().is_empty() {
        base.push(".");
    }
    let unusable = |error| format!("not a usable pattern: {error}");
    let matcher = wildcards(&pattern.to_string_lossy(), true, cfg!(windows)).map_err(unusable)?;
    // Folders that cannot lead to a match are not searched.
    let folders = parts.map(|part| part.as_os_str().to_string_lossy().into_owned());
    let folders: Vec<String> = folders.collect();
    let depth = folders.len();
    let known: Vec<GlobMatcher> = folders
        .iter()
        .take_while(|part| *part != ANY_FOLDERS)
        .map(|part| wildcards(part, true, cfg!(windows)))
        .collect::<Result<_, _>>()
        .map_err(unusable)?;
    let any_depth = known.len() < depth;

    let mut matched = false;
    let mut whole = Vec::new();
    let search = WalkDir::new(&base)
        .max_depth(if any_depth { usize::MAX } else { depth })
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| {
            let part = entry.depth().checked_sub(1).and_then(|at| known.get(at));
            part.is_none_or(|part| part.is_match(entry.file_name()))
        });
    for entry in search {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                // What could not match is not missed. A folder that was entered could lead to one.
                let is_missed = |path: &Path| {
                    path.is_dir() || matcher.is_match(path.strip_prefix("./").unwrap_or(path))
                };
                if error.path().is_none_or(is_missed) {
                    problems.extend(problem(&base, &error));
                }
                continue;
            }
        };
        let path = entry.path();
        let path = path.strip_prefix("./").unwrap_or(path);
        if !matcher.is_match(path) {
            continue;
        }
        matched = true;
        if entry.file_type().is_dir() {
            whole.push(path.to_owned());
        } else if entry.file_type().is_file() {
            files.push(FoundFile::named(path));
        }
    }
    for folder in whole {
        walk(&folder, files, problems);
    }
    if matched {
        Ok(())
    } else {
        Err("no file matches this pattern".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &Discovered, base: &Path) -> Vec<String> {
        found
            .sources
            .iter()
            .map(|source| match source {
                Source::File(path) => path
                    .strip_prefix(base)
                    .unwrap_or(path)
                    .to_string_lossy()
                    .replace('\\', "/"),
                other => other.name(),
            })
            .collect()
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.log", "a.log", "sub/c.log", "sub/deep/d.txt"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        folder
    }

    #[test]
    fn folders_are_searched_and_files_named_twice_are_read_once() {
        let folder = folder();
        let base = folder.path();
        let found = discover(&[base.join("sub"), base.join("b.log"), base.to_owned()]);
        assert_eq!(
            names(&found, base),
            ["a.log", "b.log", "sub/c.log", "sub/deep/d.txt"]
        );
        assert_eq!(found.problems, []);
    }

    #[test]
    fn globs_are_expanded_here() {
        let folder = folder();
        let base = folder.path();
        for (pattern, want) in [
            ("*.log", &["a.log", "b.log"][..]),
            ("**/*.log", &["a.log", "b.log", "sub/c.log"]),
            ("?.lo?", &["a.log", "b.log"]),
            ("*/*/*.txt", &["sub/deep/d.txt"]),
            ("s*", &["sub/c.log", "sub/deep/d.txt"]),
        ] {
            assert_eq!(
                names(&discover(&[base.join(pattern)]), base),
                want,
                "{pattern}"
            );
        }
        let found = discover(&[base.join("*.gz")]);
        assert_eq!(found.problems[0].what, "no file matches this pattern");
    }

    #[test]
    fn brackets_and_braces_are_as_they_are() {
        let folder = folder();
        let base = folder.path();
        for name in [
            "[old]/u{1}.log",
            "[old]/u1.log",
            "o/u1.log",
            "*.log",
            "c!d].log",
        ] {
            if cfg!(windows) && name.contains('*') {
                continue;
            }
            let path = base.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        for (pattern, want) in [
            ("[old]/*.log", &["[old]/u1.log", "[old]/u{1}.log"][..]),
            ("[o*/u{1}.*", &["[old]/u{1}.log"]),
            ("[old]/u{1}.log", &["[old]/u{1}.log"]),
            ("*d].log", &["c!d].log"]),
            #[cfg(not(windows))]
            ("*.log", &["*.log"]),
        ] {
            let found = discover(&[base.join(pattern)]);
            assert_eq!(found.problems, [], "{pattern}");
            assert_eq!(names(&found, base), want, "{pattern}");
        }
        let found = discover(&[base.join("[ab].log")]);
        assert_eq!(found.problems[0].what, "no such file or folder");
    }

    #[cfg(unix)]
    #[test]
    fn links_back_are_passed_over_and_dead_links_are_named() {
        use std::os::unix::fs::symlink;
        let folder = folder();
        let base = folder.path();
        symlink(".", base.join("again")).unwrap();
        symlink("../..", base.join("sub/deep/up")).unwrap();
        for path in [base.to_owned(), base.join("**/*.log"), base.join("*")] {
            let found = discover(std::slice::from_ref(&path));
            assert_eq!(found.problems, [], "{}", path.display());
            let files = names(&found, base);
            assert!(files.len() >= 3, "{files:?}");
            let mut ends: Vec<&str> = files
                .iter()
                .map(|f| f.rsplit('/').next().unwrap())
                .collect();
            ends.sort_unstable();
            ends.dedup();
            assert_eq!(ends.len(), files.len(), "each once: {files:?}");
        }
        symlink("nowhere", base.join("sub/dead.log")).unwrap();
        for path in [base.to_owned(), base.join("s*/*.log")] {
            let found = discover(&[path]);
            let told: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
            let dead = base.join("sub/dead.log");
            assert_eq!(
                told,
                [format!("{}: a link that leads to nothing", dead.display())]
            );
        }
    }

    /// What a search cannot look at is told, also where a pattern began it.
    #[cfg(unix)]
    #[test]
    fn what_cannot_be_searched_is_named() {
        let folder = folder();
        let base = folder.path();
        let circle = base.join("sub/circle.log");
        std::os::unix::fs::symlink("circle.log", &circle).unwrap();
        for path in [base.to_owned(), base.join("s*/*"), base.join("**/*.log")] {
            let found = discover(&[path]);
            let told: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
            let want = format!("{}: cannot be searched: ", circle.display());
            assert!(told.len() == 1 && told[0].starts_with(&want), "{told:?}");
        }
        for pattern in ["b*/*", "s*/*.txt", "**/*.txt"] {
            let found = discover(&[base.join(pattern)]);
            let what = "no file matches this pattern";
            assert!(found.problems.iter().all(|problem| problem.what == what));
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let found = discover(&[PathBuf::from("no/such.log"), PathBuf::from("-")]);
        assert_eq!(found.sources, [Source::Stdin]);
        assert_eq!(
            found.problems[0].to_string(),
            "no/such.log: no such file or folder"
        );
    }
}
