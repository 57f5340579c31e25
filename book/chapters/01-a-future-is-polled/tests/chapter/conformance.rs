//! Is this step a runtime up to chapter 1, and not further?

use laneway_conformance::{NotBuilt, Runtime};

struct Step;

impl Runtime for Step {
    type Task<T: Send + 'static> = NotBuilt<T>;

    fn block_on<F: Future>(future: F) -> F::Output {
        chapter_01::block_on(future)
    }

    fn letter<T: Send + 'static>() -> Option<(
        impl FnOnce(T) + Send + 'static,
        impl Future<Output = T> + Send + 'static,
    )> {
        let (address, letter) = chapter_01::letter();
        Some((move |value| address.send(value), letter))
    }
}

laneway_conformance::conformance!(Step, up_to = 1);

#[test]
fn fails_chapter_2() {
    laneway_conformance::must_fail::<Step>(2);
}
