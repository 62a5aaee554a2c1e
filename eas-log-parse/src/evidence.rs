//! Marks of evidence in the documentation of getters.
//!
//! The tables of [`codes`](crate::codes) are the source of what is known; tests hold the marks of the
//! getters against them.

/// The words for a mark.
macro_rules! mark {
    (D) => {
        "documented"
    };
    (S) => {
        "observed"
    };
    (X) => {
        "interface fact"
    };
    (I) => {
        "inferred"
    };
    (K) => {
        "background knowledge"
    };
}

/// A sentence of documentation: what is read, and the marks of its evidence in words.
macro_rules! known_by {
    ($kind:literal, $name:literal, $what:literal, $first:ident $($more:ident)*) => {
        concat!(
            "\n\n", $kind, " `", $name, "`", $what, " (", $crate::evidence::mark!($first)
            $(, ", ", $crate::evidence::mark!($more))*, ")."
        )
    };
}

/// The marks as tables have them.
#[cfg(test)]
macro_rules! marks {
    ($first:ident $($more:ident)*) => {
        concat!(stringify!($first) $(, ",", stringify!($more))*)
    };
}

pub(crate) use {known_by, mark};

#[cfg(test)]
pub(crate) use marks;
