//! Tab-separated tables with one header line.

/// The rows of a table, each with exactly `N` cells.
///
/// # Panics
/// If a row has another number of cells. The tables are part of the program and a test reads each.
pub(crate) fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    table.lines().skip(1).map(|line| {
        let mut cells = line.split('\t');
        let row = core::array::from_fn(|_| {
            cells
                .next()
                .unwrap_or_else(|| panic!("a row with too few cells: {line}"))
        });
        assert!(cells.next().is_none(), "a row with too many cells: {line}");
        row
    })
}
