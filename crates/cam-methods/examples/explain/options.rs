//! The command line of the example.

use std::path::PathBuf;

use cam_methods::{Method, Preset};
use cnn_zoo::{Architecture, Convention};

use super::Failure;

pub(super) const USAGE: &str = "\
usage: explain --arch NAME --weights FILE --image FILE.png|FILE.npy --method NAME[,NAME...] --out DIR
               [--class N] [--tap NAME[,NAME...]] [--semantics NAME] [--convention keras|torch]
       explain --arch NAME [--weights FILE] [--convention keras|torch] --list-taps
       explain --list-methods
  --image       .npy: f32, [channels, H, W], fed as it is; .png: scaled to [0, 1]
  --class       the class to explain; default: that of the largest logit
  --tap         where to look; default: the last spatial activation after its ReLU
  --semantics   literature (default), paper_text, paper_released_code, tf_keras_vis, pytorch_grad_cam, torch_cam
  --convention  default: what the weights say";

const NAMED: [&str; 9] = [
    "--arch",
    "--weights",
    "--image",
    "--class",
    "--method",
    "--tap",
    "--semantics",
    "--convention",
    "--out",
];

/// What the command line asks for.
pub(super) enum Request {
    Help,
    ListMethods,
    ListTaps(Network),
    Explain(Box<Job>),
}

/// Which network.
pub(super) struct Network {
    pub(super) architecture: Architecture,
    pub(super) weights: Option<PathBuf>,
    pub(super) convention: Option<Convention>,
}

/// An explanation to make.
pub(super) struct Job {
    pub(super) network: Network,
    pub(super) image: PathBuf,
    pub(super) class: Option<usize>,
    pub(super) methods: Vec<Method>,
    pub(super) taps: Vec<String>,
    pub(super) semantics: Preset,
    pub(super) out: PathBuf,
}

impl Request {
    /// Reads the arguments after the program's name.
    pub(super) fn read(arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let given = Given::read(arguments)?;
        if given.help {
            return Ok(Self::Help);
        }
        if given.list_methods {
            return Ok(Self::ListMethods);
        }
        let network = Network {
            architecture: given.required("--arch")?.parse()?,
            weights: given.text("--weights").map(PathBuf::from),
            convention: given.value("--convention")?,
        };
        if given.list_taps {
            return Ok(Self::ListTaps(network));
        }
        given.required("--weights")?;
        let mut methods = Method::parse_list(given.required("--method")?)?;
        let mut seen = std::collections::HashSet::new();
        methods.retain(|m| seen.insert(*m));
        let mut taps: Vec<String> = given
            .text("--tap")
            .map(|list| list.split(',').map(|t| t.trim().to_owned()).collect())
            .unwrap_or_default();
        let mut seen = std::collections::HashSet::new();
        taps.retain(|t| seen.insert(t.clone()));
        if taps.iter().any(String::is_empty) {
            return Err("--tap: a name is empty".into());
        }
        Ok(Self::Explain(Box::new(Job {
            network,
            image: given.required("--image")?.into(),
            class: given.value("--class")?,
            methods,
            taps,
            semantics: given.value("--semantics")?.unwrap_or(Preset::Literature),
            out: given.required("--out")?.into(),
        })))
    }
}

#[derive(Default)]
struct Given {
    named: Vec<(String, String)>,
    help: bool,
    list_methods: bool,
    list_taps: bool,
}

impl Given {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut given = Self::default();
        while let Some(name) = arguments.next() {
            match name.as_str() {
                "-h" | "--help" => given.help = true,
                "--list-methods" => given.list_methods = true,
                "--list-taps" => given.list_taps = true,
                known if NAMED.contains(&known) => {
                    let value = arguments
                        .next()
                        .filter(|v| !v.starts_with("--"))
                        .ok_or_else(|| format!("{name} needs a value"))?;
                    if given.text(&name).is_some() {
                        return Err(format!("{name} is given twice").into());
                    }
                    given.named.push((name, value));
                }
                _ => return Err(format!("unknown argument {name:?}").into()),
            }
        }
        Ok(given)
    }

    fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.named.iter().find(|(option, _)| option == name)?;
        Some(value)
    }

    fn required(&self, name: &str) -> Result<&str, Failure> {
        self.text(name)
            .ok_or_else(|| format!("{name} is missing").into())
    }

    fn value<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Failure>
    where
        T::Err: std::fmt::Display,
    {
        self.text(name)
            .map(|text| {
                text.parse()
                    .map_err(|error| format!("{name} {text}: {error}").into())
            })
            .transpose()
    }
}
