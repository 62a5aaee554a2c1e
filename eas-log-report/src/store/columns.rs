//! Tables of a store as columns.

use std::io::Cursor;

use polars::prelude::*;
use polars_io::SerReader;
use polars_io::prelude::{ParallelStrategy, ParquetCompression, ParquetReader, ParquetWriter};

/// A value that a column of a table can have.
pub(super) trait Cellable: Sized {
    fn column(name: &str, values: Vec<Self>) -> Column;
    fn values(column: &Column) -> PolarsResult<Vec<Self>>;
}

macro_rules! cellable {
    ($($type:ty => $get:ident),+ $(,)?) => {$(
        impl Cellable for Option<$type> {
            fn column(name: &str, values: Vec<Self>) -> Column {
                Series::new(name.into(), values).into_column()
            }
            fn values(column: &Column) -> PolarsResult<Vec<Self>> {
                Ok(column.$get()?.iter().map(|value| value.map(Into::into)).collect())
            }
        }
        impl Cellable for $type {
            fn column(name: &str, values: Vec<Self>) -> Column {
                Series::new(name.into(), values).into_column()
            }
            fn values(column: &Column) -> PolarsResult<Vec<Self>> {
                column
                    .$get()?
                    .iter()
                    .map(|value| value.map(Into::into).ok_or_else(|| absent(column)))
                    .collect()
            }
        }
    )+};
}

cellable!(u32 => u32, i32 => i32, i64 => i64, bool => bool, String => str);

fn absent(column: &Column) -> PolarsError {
    PolarsError::ComputeError(format!("column {} lacks a value", column.name()).into())
}

/// A table that is kept as a Parquet file.
pub(super) trait Table: Default {
    /// The name of the table.
    const NAME: &'static str;
    fn is_empty(&self) -> bool;
    fn into_frame(self) -> PolarsResult<DataFrame>;
    fn of_frame(frame: &DataFrame) -> PolarsResult<Self>;
}

/// Defines a table: its name, the type of its rows, and its columns.
macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident of $row:ident = $name:literal { $($column:ident: $type:ty),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(super) struct $row {
            $(pub(super) $column: $type,)+
        }

        #[derive(Default)]
        pub(super) struct $table {
            $($column: Vec<$type>,)+
        }

        impl $table {
            pub(super) fn push(&mut self, row: $row) {
                $(self.$column.push(row.$column);)+
            }

            pub(super) fn into_rows(self) -> impl Iterator<Item = $row> {
                $(let mut $column = self.$column.into_iter();)+
                std::iter::from_fn(move || {
                    Some($row {
                        $($column: $column.next()?,)+
                    })
                })
            }
        }

        impl $crate::store::columns::Table for $table {
            const NAME: &'static str = $name;

            fn is_empty(&self) -> bool {
                self.source.is_empty()
            }

            fn into_frame(self) -> polars::prelude::PolarsResult<polars::prelude::DataFrame> {
                let height = self.source.len();
                polars::prelude::DataFrame::new(height, vec![
                    $($crate::store::columns::Cellable::column(stringify!($column), self.$column),)+
                ])
            }

            fn of_frame(frame: &polars::prelude::DataFrame) -> polars::prelude::PolarsResult<Self> {
                Ok($table {
                    $($column: $crate::store::columns::Cellable::values(
                        frame.column(stringify!($column))?,
                    )?,)+
                })
            }
        }
    )+};
}
pub(super) use tables;

/// A table as the bytes of a Parquet file.
pub(super) fn to_parquet<T: Table>(table: T) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut frame = table.into_frame()?;
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .finish(&mut frame)?;
    Ok(bytes)
}

/// A table from the bytes of a Parquet file.
///
/// The columns are read one by one: days are read in parallel already, and a thread that waited here
/// for the threads of polars would take up another day meanwhile, and in that another, until its
/// stack is full.
pub(super) fn of_parquet<T: Table>(bytes: &[u8]) -> PolarsResult<T> {
    let reader = ParquetReader::new(Cursor::new(bytes));
    T::of_frame(&reader.read_parallel(ParallelStrategy::None).finish()?)
}
