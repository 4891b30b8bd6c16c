//! How long the allocator keeps memory that was freed.

use std::os::unix::process::CommandExt as _;

/// mimalloc's option, which it reads before `main` begins. A second, its default, keeps a third more memory than is in use
/// where chunks of megabytes come and go; a tenth of one is as fast.
const OPTION: &str = "MIMALLOC_PURGE_DELAY";
const MILLISECONDS: &str = "100";

/// Starts this program anew with the option, unless somebody has set it; goes on without where that cannot be done.
pub(crate) fn keep_briefly() {
    if std::env::var_os(OPTION).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        let mut again = std::process::Command::new(program);
        // Returns only where it fails.
        let _failed = again.args(std::env::args_os().skip(1)).env(OPTION, MILLISECONDS).exec();
    }
}
