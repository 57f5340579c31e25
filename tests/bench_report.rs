//! Do the table and the page of `cargo bench --bench queues` show what criterion found?

// The benchmark's own files: it has no tests of its own, since it has no test harness.
#[path = "../benches/queues/comparison.rs"]
mod comparison;
#[path = "../benches/queues/found.rs"]
mod found;
#[path = "../benches/queues/page.rs"]
mod page;
#[path = "../benches/queues/table.rs"]
mod table;

use comparison::{Change, Comparison, DEFAULT, Row, time};
use serde_json::json;

fn row(configuration: &str, median: f64) -> Row {
    Row {
        configuration: configuration.to_owned(),
        median,
        quartiles: [median * 0.9, median * 1.2],
        change: None,
    }
}

fn comparison() -> Comparison {
    let rows = vec![
        row("slow", 30_000.0),
        row(DEFAULT, 2_000.0),
        row("best", 1_000.0),
    ];
    Comparison::new("work", "some <work> & more", rows)
}

#[test]
fn the_best_comes_first_and_ratios_are_to_the_default() {
    let comparison = comparison();
    let rows = comparison.rows();
    let names: Vec<&str> = rows.iter().map(|row| row.configuration.as_str()).collect();
    assert_eq!(names, ["best", DEFAULT, "slow"]);
    let ratios: Vec<_> = rows.iter().map(|row| comparison.ratio(row)).collect();
    assert_eq!(ratios, [Some(0.5), Some(1.0), Some(15.0)]);
    let alone = Comparison::new("work", "", vec![row("best", 1.0)]);
    assert_eq!(alone.ratio(&alone.rows()[0]), None);
}

#[test]
fn a_difference_may_be_chance_where_the_middle_halves_overlap() {
    let rows = vec![
        row("near", 1_900.0),
        row(DEFAULT, 2_000.0),
        row("far", 4_000.0),
    ];
    let comparison = Comparison::new("work", "", rows);
    let chances = comparison.rows().iter();
    let chances: Vec<bool> = chances.map(|row| comparison.may_be_chance(row)).collect();
    assert_eq!(chances, [true, false, false]);
    let explained = |mark: &&str| table::KEY.lines().any(|line| line.starts_with(*mark));
    assert_eq!(
        ["* ", "~ "].iter().filter(|mark| explained(mark)).count(),
        2
    );
    let table = table::table(&comparison);
    assert!(
        table.contains(" ~0.95x ") && table.contains(" 2.00x "),
        "{table}"
    );
    let page = page::page(&[comparison], "", []);
    assert_eq!(page.matches("<tr class=\"chance\">").count(), 1, "{page}");
}

#[test]
fn times_have_three_digits_and_a_unit() {
    let times = [0.5, 7.25, 999.0, 1_000.0, 12_345.0, 654_321.0, 2.5e6, 1e9];
    let expected = [
        "0.50 ns", "7.25 ns", "999 ns", "1.00 µs", "12.3 µs", "654 µs", "2.50 ms", "1.00 s",
    ];
    assert_eq!(times.map(time), expected);
}

#[test]
fn the_table_marks_the_default_and_aligns_its_columns() {
    let table = table::table(&comparison());
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "work: some <work> & more");
    assert!(lines[2].starts_with("  best "), "{table}");
    assert!(lines[3].starts_with("* default "), "{table}");
    assert!(lines[3].contains("2.00 µs"), "{table}");
    assert!(lines[3].contains("1.00x"), "{table}");
    assert!(lines[3].contains("1.80 µs to 2.40 µs"), "{table}");
    assert!(lines[4].contains("15x"), "{table}");
    let widths: Vec<usize> = lines[1..].iter().map(|line| line.chars().count()).collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
}

#[test]
fn a_change_is_told_when_it_is_certain() {
    let mut changed = row(DEFAULT, 2_000.0);
    let told = |row: &Row| {
        let comparison = Comparison::new("work", "", vec![row.clone()]);
        let [_, _, _, change] = table::cells(&comparison, row);
        change
    };
    assert_eq!(told(&changed), "-");
    for (median, between, expected) in [
        (0.125, [0.1, 0.15], "+12%"),
        (-0.3, [-0.4, -0.2], "-30%"),
        (0.02, [-0.1, 0.15], "no change"),
    ] {
        changed.change = Some(Change { median, between });
        assert_eq!(told(&changed), expected);
    }
}

#[test]
fn criterions_files_become_a_row() {
    let estimates = json!({"median": {"point_estimate": 12.5, "confidence_interval":
        {"confidence_level": 0.95, "lower_bound": 11.0, "upper_bound": 14.0}}});
    // Samples of 2, 4, 6, 8 and 10 ns an iteration.
    let iterations = [1.0, 2.0, 3.0, 4.0, 5.0];
    let sample = json!({"iters": iterations, "times": [10.0, 16.0, 18.0, 16.0, 10.0]});
    let row = found::row("1+1", &estimates, &sample).unwrap();
    assert_eq!((row.median, row.quartiles), (12.5, [4.0, 8.0]));
    let change = found::change_of(&estimates).unwrap();
    assert_eq!((change.median, change.between), (12.5, [11.0, 14.0]));
    assert_eq!(found::row("1+1", &json!({}), &sample), None);
    assert_eq!(found::row("1+1", &estimates, &json!({})), None);
}

#[test]
fn files_are_read_from_criterions_folder() {
    let folder = std::env::temp_dir().join(format!("laneway-bench-{}", std::process::id()));
    let missing = found::read("1+1", &folder).unwrap_err();
    assert!(missing.to_string().contains("estimates.json"), "{missing}");
    std::fs::create_dir_all(folder.join("new")).unwrap();
    let estimates = r#"{"median": {"point_estimate": 3.0}}"#;
    std::fs::write(folder.join("new/estimates.json"), estimates).unwrap();
    let sample = r#"{"iters": [2.0], "times": [6.0]}"#;
    std::fs::write(folder.join("new/sample.json"), sample).unwrap();
    let row = found::read("1+1", &folder).unwrap();
    assert_eq!(row.quartiles, [3.0, 3.0]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_page_needs_nothing_else_and_escapes_what_it_shows() {
    let page = page::page(&[comparison()], "4 cores", [("best", "a < b")]);
    assert!(page.starts_with("<!doctype html>"), "{page}");
    for foreign in ["http", "src=", "<script", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    for part in [
        "some &lt;work&gt; &amp; more",
        "a &lt; b",
        "4 cores",
        "prefers-color-scheme: dark",
        "width=device-width",
        "<tr class=\"default\"><th scope=\"row\">default</th>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn a_bar_five_times_as_long_as_the_default_is_cut() {
    let page = page::page(&[comparison()], "", []);
    // The width stands for 10 µs: 1, 2 and more than that.
    for bar in [
        "<span class=\"bar\" style=\"width:10.0%\">",
        "<span class=\"bar\" style=\"width:20.0%\">",
        "<span class=\"bar cut\" style=\"width:100.0%\">",
    ] {
        assert!(page.contains(bar), "{bar}: {page}");
    }
    // The default's quartiles, and its line in each row.
    let spread = "<span class=\"spread\" style=\"left:18.0%;width:6.0%\">";
    assert!(page.contains(spread), "{page}");
    assert_eq!(page.matches("style=\"left:20.0%\"").count(), 3, "{page}");
}
