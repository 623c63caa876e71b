//! Sample sheets and the messages a user meets.

use fillet_preprocess::{SampleSheet, Specimen};
use proptest::prelude::*;

fn parse(text: &str) -> Result<SampleSheet, String> {
    SampleSheet::parse(text.as_bytes(), "samples.csv").map_err(|problem| problem.to_string())
}

#[test]
fn columns_come_in_any_order_and_most_are_optional() {
    let sheet = parse(
        "\u{feff}treatment, class ,mass_before_g,scan,mass_after_g\n\
         -5,thawed,150, a/b ,141\n\n,fresh,,\"c, d\",\n",
    )
    .unwrap();
    assert_eq!(sheet.specimens.len(), 2);
    assert_eq!(sheet.specimens[0].scan, "a/b");
    assert_eq!(sheet.specimens[0].liquid_loss().unwrap(), Some(6.0));
    assert_eq!(sheet.specimens[1].scan, "c, d");
    assert_eq!(sheet.specimens[1].treatment, None);
    assert_eq!(sheet.specimens[1].liquid_loss().unwrap(), None);
}

#[test]
fn messages_name_line_column_and_value() {
    let cases = [
        (
            "scan,class,weight\n",
            "samples.csv, line 1: unknown column `weight`; known columns: scan, fish, fillet, \
             class, treatment, mass_before_g, mass_after_g, liquid_loss_percent",
        ),
        (
            "scan,fish\na,1\n",
            "samples.csv, line 1: column `class` is missing; found: scan, fish",
        ),
        (
            "scan,class,scan\n",
            "samples.csv, line 1: column `scan` appears more than once",
        ),
        (
            "scan,class\na,fresh\nb,fresh\na,thawed\n",
            "samples.csv, line 4, column `scan`: \"a\" is already on line 2",
        ),
        (
            "scan,class\na,\n",
            "samples.csv, line 2, column `class`: expected a name, got \"\"",
        ),
        (
            "scan,class\na,fresh,7\n",
            "samples.csv, line 2: 3 fields where the header has 2",
        ),
        (
            "scan,class,liquid_loss_percent\na,fresh,\nb,thawed,7 %\n",
            "samples.csv, line 3, column `liquid_loss_percent`: expected a percentage from -100 \
             to 100, got \"7 %\"",
        ),
        (
            "scan,class,mass_after_g\na,fresh,nan\n",
            "samples.csv, line 2, column `mass_after_g`: expected a positive number of grams, got \
             \"nan\"",
        ),
        ("scan,class\n", "samples.csv: no samples below the header"),
        ("", "samples.csv, line 1: column `scan` is missing; found: "),
    ];
    for (text, message) in cases {
        assert_eq!(parse(text).unwrap_err(), message);
    }
    let missing = std::path::Path::new("no such folder").join("samples.csv");
    assert!(
        SampleSheet::read(&missing)
            .unwrap_err()
            .to_string()
            .contains("samples.csv")
    );
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9°−][a-z ,\"']{0,6}[a-z]"
}

fn specimen() -> impl Strategy<Value = Specimen> {
    let optional = || proptest::option::of(name());
    let mass = || proptest::option::of(0.1_f64..1e4);
    (
        optional(),
        optional(),
        name(),
        optional(),
        mass(),
        mass(),
        proptest::option::of(-9.0_f64..50.0),
    )
        .prop_map(
            |(fish, fillet, class, treatment, before, after, loss)| Specimen {
                scan: String::new(),
                fish,
                fillet,
                class,
                treatment,
                mass_before_g: before,
                mass_after_g: after,
                liquid_loss_percent: loss,
            },
        )
}

proptest! {
    #[test]
    fn written_sheets_read_back_the_same(mut specimens in proptest::collection::vec(specimen(), 1..12)) {
        for (index, specimen) in specimens.iter_mut().enumerate() {
            specimen.scan = format!("scan, \"{index}\"");
        }
        let sheet = SampleSheet { specimens };
        let mut bytes = Vec::new();
        sheet.write_to(&mut bytes).unwrap();
        prop_assert_eq!(SampleSheet::parse(bytes.as_slice(), "written").unwrap(), sheet);
    }

    #[test]
    fn any_bytes_are_a_sheet_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let read = SampleSheet::parse(bytes.as_slice(), "bytes");
        prop_assert!(read.is_err() || !read.unwrap().specimens.is_empty());
    }
}
