//! Parameter and multiply-add counts against the published definitions.
//!
//! Numbers: Keras applications 1.0.8 run on a numpy backend, torchvision 0.29.2 and timm on
//! PyTorch's meta device (multiply-adds of convolutions and dense layers, biases excluded).

use cnn_zoo::{Architecture, BackboneConfig, Convention, summary};

struct Row {
    architecture: Architecture,
    convention: Convention,
    /// input channels, classes, edge
    input: [usize; 3],
    parameters: usize,
    trainable: usize,
    /// in 10⁵
    multiply_adds: u64,
}

const fn row(
    architecture: Architecture,
    convention: Convention,
    input: [usize; 3],
    [parameters, trainable]: [usize; 2],
    multiply_adds: u64,
) -> Row {
    Row {
        architecture,
        convention,
        input,
        parameters,
        trainable,
        multiply_adds,
    }
}

use Architecture::{
    DenseNet121, InceptionResNetV2, InceptionV3, InceptionV4, ResNet50, Vgg16, Xception,
};
use Convention::{Keras, Torch};

const ROWS: &[Row] = &[
    row(
        ResNet50,
        Keras,
        [1, 2, 256],
        [23_585_538, 23_532_418],
        49_336,
    ),
    row(
        ResNet50,
        Keras,
        [3, 1000, 224],
        [25_636_712, 25_583_592],
        38_580,
    ),
    row(
        ResNet50,
        Torch,
        [1, 2, 256],
        [23_505_858 + 53_120, 23_505_858],
        52_355,
    ),
    row(
        ResNet50,
        Torch,
        [3, 1000, 224],
        [25_557_032 + 53_120, 25_557_032],
        40_892,
    ),
    row(
        Vgg16,
        Keras,
        [1, 2, 256],
        [165_724_866, 165_724_866],
        201_201,
    ),
    row(
        Vgg16,
        Keras,
        [3, 1000, 224],
        [138_357_544, 138_357_544],
        154_703,
    ),
    row(
        Vgg16,
        Torch,
        [1, 2, 256],
        [134_267_586, 134_267_586],
        200_886,
    ),
    row(
        Vgg16,
        Torch,
        [3, 1000, 224],
        [138_357_544, 138_357_544],
        154_703,
    ),
    row(
        DenseNet121,
        Keras,
        [1, 2, 256],
        [7_033_282, 6_949_634],
        35_977,
    ),
    row(
        DenseNet121,
        Keras,
        [3, 1000, 224],
        [8_062_504, 7_978_856],
        28_342,
    ),
    row(
        DenseNet121,
        Torch,
        [1, 2, 256],
        [6_949_634 + 83_648, 6_949_634],
        35_977,
    ),
    row(
        DenseNet121,
        Torch,
        [3, 1000, 224],
        [7_978_856 + 83_648, 7_978_856],
        28_342,
    ),
    row(
        InceptionV3,
        Keras,
        [1, 2, 256],
        [21_806_306, 21_771_874],
        38_383,
    ),
    row(
        InceptionV3,
        Keras,
        [3, 1000, 299],
        [23_851_784, 23_817_352],
        57_132,
    ),
    row(
        InceptionV3,
        Torch,
        [1, 2, 256],
        [21_789_090 + 34_432, 21_789_090],
        38_383,
    ),
    row(
        InceptionV3,
        Torch,
        [3, 1000, 299],
        [23_834_568 + 34_432, 23_834_568],
        57_132,
    ),
    row(
        InceptionV4,
        Torch,
        [1, 2, 256],
        [41_145_314 + 63_168, 41_145_314],
        82_894,
    ),
    row(
        InceptionV4,
        Torch,
        [3, 1000, 299],
        [42_679_816 + 63_168, 42_679_816],
        122_540,
    ),
    row(
        InceptionResNetV2,
        Keras,
        [1, 2, 256],
        [54_339_234, 54_278_690],
        87_963,
    ),
    row(
        InceptionResNetV2,
        Keras,
        [3, 1000, 299],
        [55_873_736, 55_813_192],
        131_558,
    ),
    row(
        InceptionResNetV2,
        Torch,
        [1, 2, 256],
        [54_308_962 + 60_544, 54_308_962],
        87_963,
    ),
    row(
        InceptionResNetV2,
        Torch,
        [3, 1000, 299],
        [55_843_464 + 60_544, 55_843_464],
        131_558,
    ),
    row(
        Xception,
        Keras,
        [1, 2, 256],
        [20_865_002, 20_810_474],
        59_414,
    ),
    row(
        Xception,
        Keras,
        [3, 1000, 299],
        [22_910_480, 22_855_952],
        83_574,
    ),
    row(
        Xception,
        Torch,
        [1, 2, 256],
        [20_810_474 + 54_528, 20_810_474],
        59_414,
    ),
    row(
        Xception,
        Torch,
        [3, 1000, 299],
        [22_855_952 + 54_528, 22_855_952],
        83_574,
    ),
];

#[test]
fn counts_equal_the_definitions() {
    for row in ROWS {
        let [input_channels, classes, edge] = row.input;
        let config = BackboneConfig {
            input_channels,
            classes,
            convention: row.convention,
            input_size: [edge, edge],
            ..BackboneConfig::new(row.architecture)
        };
        let found = summary(&config).unwrap();
        let what = format!("{} {} {:?}", row.architecture, row.convention, row.input);
        assert_eq!(found.trainable, row.trainable, "{what} trainable");
        assert_eq!(found.parameters, row.parameters, "{what} parameters");
        let rounded = (found.multiply_adds + 50_000) / 100_000;
        assert_eq!(rounded, row.multiply_adds, "{what} {}", found.multiply_adds);
    }
}

#[test]
fn taps_are_where_the_definitions_put_them() {
    let at = |architecture| {
        let summary = summary(&BackboneConfig::new(architecture)).unwrap();
        summary
            .taps
            .iter()
            .map(|t| {
                format!(
                    "{} {}x{}x{} /{}",
                    t.info.name, t.size[0], t.size[1], t.info.channels, t.info.stride
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        at(ResNet50),
        [
            "bn1.relu 128x128x64 /2",
            "layer1 64x64x256 /4",
            "layer2 32x32x512 /8",
            "layer3 16x16x1024 /16",
            "layer4.2.conv3 8x8x2048 /32",
            "layer4 8x8x2048 /32",
        ]
    );
    assert_eq!(
        at(Vgg16),
        [
            "features.3 256x256x64 /1",
            "features.8 128x128x128 /2",
            "features.15 64x64x256 /4",
            "features.22 32x32x512 /8",
            "features.28 16x16x512 /16",
            "features.29 16x16x512 /16",
        ]
    );
}

#[test]
fn the_largest_configuration_overflows_nothing() {
    for architecture in Architecture::ALL {
        let config = BackboneConfig {
            input_channels: 1 << 20,
            classes: 1 << 20,
            width: 8.0,
            input_size: [1 << 16, 1 << 16],
            ..BackboneConfig::new(architecture)
        };
        let found = summary(&config).unwrap();
        assert!(found.multiply_adds > 1 << 50, "{architecture}");
        assert!(found.trainable > 1 << 30, "{architecture}");
    }
}

/// The patch network of Anderssen et al. 2021: 8 076 548 parameters, 63.07 million multiply-adds.
#[test]
fn the_patch_networks_have_the_published_size() {
    let v6 = summary(&BackboneConfig::new(Architecture::PatchV6)).unwrap();
    assert_eq!(v6.parameters, 8_076_548);
    assert_eq!(v6.trainable, v6.parameters);
    let convolutions = 64 * 9 * (256 + 256 * 256) + 16 * 9 * 2 * 256 * 256;
    let dense = 1024 * 2048 + 2048 * 2048 + 2048 * 4;
    assert_eq!(v6.multiply_adds, convolutions + dense);
    assert_eq!(v6.multiply_adds / 10_000, 6_307);
    // v3: the same with half the channels
    let v3 = summary(&BackboneConfig::new(Architecture::PatchV3)).unwrap();
    let convolutions = 9 * 128 + 128 + 3 * (9 * 128 * 128 + 128);
    let dense = 513 * 2048 + 2049 * 2048 + 2049 * 4;
    assert_eq!(v3.parameters, convolutions + dense);
}

#[test]
fn the_u_net_has_half_a_million_parameters() {
    let found = summary(&BackboneConfig::new(Architecture::UNet)).unwrap();
    let layers = [
        (1, 16),
        (16, 16),
        (16, 32),
        (32, 32),
        (32, 64),
        (64, 64),
        (64, 128),
        (128, 128),
        (128, 64),
        (128, 64),
        (64, 64),
        (64, 32),
        (64, 32),
        (32, 32),
        (32, 16),
        (32, 16),
        (16, 16),
    ];
    let trainable: usize = layers.iter().map(|(i, o)| 9 * i * o + 2 * o).sum();
    let statistics: usize = layers.iter().map(|(_, o)| 2 * o).sum();
    assert_eq!(found.trainable, trainable + 16 * 2 + 2);
    assert_eq!(found.parameters, found.trainable + statistics);
    assert!(
        (400_000..600_000).contains(&found.trainable),
        "{}",
        found.trainable
    );
}
