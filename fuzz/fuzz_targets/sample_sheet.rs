//! Any bytes as a sample sheet: a sheet or a typed error, never a panic; what is read is written and read again alike.
#![no_main]

use fillet_preprocess::SampleSheet;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(sheet) = SampleSheet::parse(data, "fuzz") {
        let mut text = Vec::new();
        sheet.write_to(&mut text).expect("a sheet that was read can be written");
        assert_eq!(SampleSheet::parse(text.as_slice(), "again").expect("and read"), sheet);
    }
});
