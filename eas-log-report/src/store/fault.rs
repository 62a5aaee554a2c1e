//! Faults on demand, for tests of what a crash leaves behind.

/// Ends the process as a crash would, if the environment asks for it at this step. Programs that
/// people use do not have it.
pub(crate) fn fault(step: &str) {
    #[cfg(debug_assertions)]
    {
        use std::sync::atomic::{AtomicU32, Ordering};
        static PASSED: AtomicU32 = AtomicU32::new(0);
        // The step, or the step and which time it is passed: table or table:3.
        if let Ok(wanted) = std::env::var("EAS_LOG_REPORT_FAIL_AT") {
            let (name, time) = wanted.split_once(':').unwrap_or((&wanted, "1"));
            if name == step
                && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == time.parse().unwrap_or(1)
            {
                std::process::abort();
            }
        }
    }
    #[cfg(not(debug_assertions))]
    let _ = step;
}
