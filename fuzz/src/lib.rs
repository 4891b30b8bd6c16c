//! What targets share.

/// Lets panics of libraries pass which our code catches; with cargo-fuzz alone, any panic ends the process at once. One of
/// ours still does, and one that is not caught.
pub fn libraries_may_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_library = panic.location().is_some_and(|place| place.file().contains("/registry/src/"));
        if !is_library {
            report(panic);
        }
    }));
}
