//! Values, hostile pickles, nonsense.

use super::*;

#[test]
fn code_is_named_and_not_run() {
    // what `pickle.dumps` makes of an object whose __reduce__ is (os.system, ("true",))
    let hostile = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.";
    let problem = Pickle::read(hostile).unwrap_err();
    assert!(problem.contains("asks for posix.system"), "{problem}");
    assert!(problem.contains("nothing was executed"), "{problem}");
    let newer = b"\x80\x04\x8c\x08builtins\x94\x8c\x04eval\x94\x93.";
    let problem = Pickle::read(newer).unwrap_err();
    assert!(problem.contains("builtins.eval"), "{problem}");
}

#[test]
fn values_survive() {
    // {'a': (1, -2, 300), 'b': None}
    let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x01J\xfe\xff\xff\xffM\x2c\x01\x87X\x01\x00\x00\x00bNu.";
    let pickle = Pickle::read(bytes).unwrap();
    assert_eq!(pickle.length, bytes.len());
    let Some(Object::Dict(items)) = pickle.root() else {
        panic!("{:?}", pickle.root());
    };
    let Some(Object::Tuple(numbers)) = pickle.get(items[0].1) else {
        panic!("no tuple");
    };
    let numbers: Vec<_> = numbers.iter().filter_map(|&id| pickle.get(id)).collect();
    assert_eq!(
        numbers,
        [
            &Object::Number(1),
            &Object::Number(-2),
            &Object::Number(300)
        ]
    );
    assert_eq!(pickle.get(items[1].1), Some(&Object::None));
}

#[test]
fn neither_nesting_nor_cycles_matter() {
    let mut deep = vec![0x80, 2, b']'];
    deep.extend(std::iter::repeat_n(0x85, 1 << 20));
    deep.push(b'.');
    assert!(Pickle::read(&deep).is_ok());
    // a list that holds itself
    assert!(Pickle::read(b"\x80\x02]q\x00h\x00a.").is_ok());
}

#[test]
fn nonsense_is_an_error() {
    for bytes in [
        &b""[..],
        b".",
        b"\x80",
        b"(.",
        b"R.",
        b"Q.",
        b"u.",
        b"b.",
        b"h\x05.",
        b"X\xff\xff\xff\xff.",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"ccollections\nOrderedDict\nK\x01R.",
        b"]K\x01s.",
        b"\xff",
    ] {
        assert!(Pickle::read(bytes).is_err(), "{bytes:?}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = Pickle::read(&bytes);
    }
}
