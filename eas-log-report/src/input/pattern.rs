//! Patterns of names.

use globset::{GlobBuilder, GlobMatcher};

/// A pattern in which `*` and `?` are wildcards and nothing else is: brackets and braces stand in the
/// names of folders, users and clients. Where parts are wanted, neither matches a separator of
/// folders, and `**` stands for any number of folders.
///
/// # Errors
/// If it is too large.
pub fn wildcards(
    pattern: &str,
    has_parts: bool,
    any_case: bool,
) -> Result<GlobMatcher, globset::Error> {
    let mut escaped = String::with_capacity(pattern.len());
    for character in pattern.chars() {
        match character {
            '[' | ']' | '{' | '}' => escaped.extend(['[', character, ']']),
            _ => escaped.push(character),
        }
    }
    // On Windows a backslash separates folders; nowhere does it escape.
    let glob = GlobBuilder::new(&escaped)
        .literal_separator(has_parts)
        .backslash_escape(false)
        .case_insensitive(any_case)
        .build()?;
    Ok(glob.compile_matcher())
}
