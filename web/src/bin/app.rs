//! The page's own program.

fn main() {
    kitchen_web::app::mount();
}
