//! One task of three panics. What of the other two?

use chapter_07::{spawn_task, try_join};

async fn make(piece: &'static str) -> &'static str {
    if piece == "cup" {
        panic!("the glaze of the {piece} ran");
    }
    piece
}

fn main() {
    let plate = spawn_task!(make("plate"));
    let cup = spawn_task!(make("cup"));
    let bowl = spawn_task!(make("bowl"));
    for outcome in try_join!(plate, cup, bowl) {
        match outcome {
            Ok(piece) => println!("here is the {piece}"),
            Err(error) => println!("{error}"),
        }
    }
}
