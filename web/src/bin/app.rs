//! The page's own program.

fn main() {
    kitchen_platform::run_constructors();
    kitchen_web::app::mount();
}
