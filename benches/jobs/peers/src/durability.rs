//! The durability of a commit, read back and printed.

use sqlx::{PgPool, SqlitePool};

pub(crate) async fn print_of_sqlite(pool: &SqlitePool) {
    let level: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(pool)
        .await
        .expect("each file has it");
    println!("synchronous,{level}");
}

pub(crate) async fn print_of_postgres(url: &str) {
    let pool = PgPool::connect(url).await.expect("the server lets us in");
    for setting in ["fsync", "synchronous_commit"] {
        let value: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(setting)
            .fetch_one(&pool)
            .await
            .expect("each server has it");
        println!("{setting},{}", u8::from(value == "on"));
    }
    pool.close().await;
}
