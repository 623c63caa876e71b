//! The report as a whole: escaping, determinism, missing and malformed tables.

use std::fs;
use std::path::Path;

use ndarray::Array2;

use super::*;

const HOSTILE: &str = "<script>alert('x')</script>&\"";

fn example(class: &str, treatment: &str, maps: bool) -> ExampleSlice {
    let bump = |r: usize, c: usize, row: f32, column: f32| {
        let d = (r as f32 - row).powi(2) + (c as f32 - column).powi(2);
        (-d / 18.0).exp()
    };
    let image = Array2::from_shape_fn((16, 20), |(r, c)| bump(r, c, 8.0, 10.0));
    let map = |row, column| Array2::from_shape_fn((16, 20), |(r, c)| bump(r, c, row, column));
    ExampleSlice {
        scan: HOSTILE.to_owned(),
        class: class.to_owned(),
        treatment: treatment.to_owned(),
        slice_index: 3,
        foreground: image.mapv(|v| v > 0.1),
        supervised: Some(map(8.0, 9.0).mapv(|v| if v > 0.5 { 1.0 } else { 0.0 })),
        truth: Some(map(8.0, 9.0)),
        maps: if maps {
            [("resnet50", "grad_cam"), ("vgg16", "score_cam")]
                .iter()
                .enumerate()
                .map(|(i, (model, method))| ExampleMap {
                    model: (*model).to_owned(),
                    method: (*method).to_owned(),
                    map: map(6.0 + i as f32, 10.0),
                })
                .collect()
        } else {
            Vec::new()
        },
        image,
    }
}

fn input() -> ReportInput {
    ReportInput {
        facts: RunFacts {
            profile: "smoke".into(),
            protocol: "rigorous".into(),
            seed: 7,
            version: "0.1.0".into(),
            commit: None,
            device: "cpu".into(),
            synthetic: true,
            positive_class: "thawed".into(),
            networks: vec![
                NetworkFacts {
                    name: "resnet50".into(),
                    as_trained: "ResNet50 ×0.125, 64², 3 epochs".into(),
                },
                NetworkFacts {
                    name: "vgg16".into(),
                    as_trained: "VGG16 ×0.125, 64², 3 epochs".into(),
                },
            ],
            methods: vec!["grad_cam".into(), "score_cam".into()],
            treatments: vec!["-5".into(), "-40".into()],
            threshold: 0.5,
            reference: None,
            details: vec![Fact {
                label: "Scans".into(),
                value: HOSTILE.into(),
            }],
            notes: vec![HOSTILE.into()],
            caveats: [("odd_code".to_owned(), HOSTILE.to_owned())].into(),
        },
        costs: RunCosts {
            stages: vec![StageCost {
                name: "train".into(),
                seconds: 12.0,
                peak_rss_bytes: Some(1 << 30),
                reused: false,
            }],
            threads: Some(2),
            details: Vec::new(),
        },
        examples: vec![example("fresh", "", false), example("thawed", "-5", true)],
        album: {
            let mut album = Album::new();
            album.add(&example("thawed", "-5", true)).unwrap();
            album
        },
    }
}

fn tables(out: &Path) {
    let write = |name: &str, text: &str| {
        let path = out.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "tables/classification.csv",
        "model,seed,split,n,correct,accuracy,ci_low,ci_high\nresnet50,7,test,20,18,0.9,0.7,0.97\nvgg16,7,test,20,10,0.5,0.3,0.7\n",
    );
    let mut miou = "model,method,treatment,reference,threshold,n,n_undefined,miou,sd\n".to_owned();
    let mut loss = "model,method,threshold,n,rho,p,ci_low,ci_high\n".to_owned();
    for (i, (model, method)) in [("resnet50", "grad_cam"), ("vgg16", "score_cam")]
        .iter()
        .enumerate()
    {
        for t in ["0.4", "0.5"] {
            for (j, treatment) in ["-40", "-5", HOSTILE].iter().enumerate() {
                let treatment = treatment.replace('"', "\"\"");
                miou.push_str(&format!(
                    "{model},{method},\"{treatment}\",truth,{t},8,{j},0.{}{},0.1\n",
                    i + 1,
                    j
                ));
            }
            loss.push_str(&format!("{model},{method},{t},6,-0.{i}5,0.2,-0.8,0.3\n"));
        }
    }
    write("tables/miou.csv", &miou);
    write("tables/liquid_loss.csv", &loss);
    let rows = |key: &str, name: &str| {
        format!(
            "{key},threshold,n,n_undefined,median,q1,q3,mean\n{name},0.4,9,0,0.6,0.5,0.7,0.6\n{name},0.5,9,1,0.5,0.4,0.6,0.5\n"
        )
    };
    write("tables/agreement_methods.csv", &rows("model", "resnet50"));
    write("tables/agreement_networks.csv", &rows("method", "grad_cam"));
    write(
        "tables/tests.csv",
        "question,form,test,unit,n,statistic,df,p,effect,caveats\nagreement,published,kruskal_wallis,slice,18,1793.2,2,0.0000001,0.398,pseudo_replication;odd_code\n",
    );
    write(
        "tables/controls.csv",
        "model,method,treatment,reference,threshold,n,n_undefined,miou,sd\ncontrol,whole_tissue,-5,truth,,8,0,0.15,0.1\n",
    );
    write(
        "tables/damaged_fraction.csv",
        "model,method,group,threshold,n,n_undefined,mean,sd\nresnet50,grad_cam,other class,0.5,8,0,0.25,0.1\nresnet50,grad_cam,-5,0.5,8,0,0.5,0.1\n",
    );
    for model in ["resnet50", "vgg16"] {
        write(
            &format!("models/{model}/history.csv"),
            "fold,epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate\n0,1,0.7,0.5,0.7,0.5,0.01\n0,2,0.5,0.8,0.6,0.7,0.01\n1,1,0.8,0.5,NaN,0.5,0.01\n",
        );
    }
}

fn without_run_box(page: &str) -> String {
    let start = page.find("id=\"run-box\"").unwrap();
    let end = start + page[start..].find("</section>").unwrap();
    format!("{}{}", &page[..start], &page[end..])
}

#[test]
fn whole_report_is_written() {
    let out = tempfile::tempdir().unwrap();
    tables(out.path());
    let summary = write_report(out.path(), &input()).unwrap();
    assert_eq!(summary.missing, Vec::<String>::new());
    let names: Vec<String> = summary
        .figures
        .iter()
        .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        names,
        ["1", "2", "3", "4", "5", "s4", "s5", "s6", "s7", "s8", "e1"]
            .map(|i| format!("figure-{i}.svg"))
    );
    for path in &summary.figures {
        let numbers = fs::read_to_string(path.with_extension("csv")).unwrap();
        assert!(numbers.lines().count() > 1, "{}", path.display());
    }
    let page = fs::read_to_string(&summary.report).unwrap();
    assert_eq!(summary.bytes, page.len() as u64);
    assert!(page.contains("carries no conclusion about cod"));
    assert!(page.contains("−5\u{a0}°C"));
    assert!(page.contains("pseudo_replication"));
    assert!(page.contains("Not thawed: 25\u{a0}%"));
    assert!(page.contains("of 2 cells 1 exceed “Whole tissue” (0.15)"));
    assert!(page.contains("&lt; 0.001"));
    // Nothing is fetched: no address in any attribute that loads.
    for loads in ["src=\"http", "href=\"http", "url(", "@import", "<iframe"] {
        assert!(!page.contains(loads), "{loads}");
    }
    let left: Vec<_> = fs::read_dir(out.path().join("figures"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|n| n.contains("partial"))
        .collect();
    assert!(left.is_empty());
}

#[test]
fn claims_are_judged_and_published_numbers_are_quoted() {
    let out = tempfile::tempdir().unwrap();
    tables(out.path());
    let summary = write_report(out.path(), &input()).unwrap();
    let text = fs::read_to_string(out.path().join("tables/claims.csv")).unwrap();
    let row = |id: &str| {
        text.lines()
            .find(|l| l.starts_with(&format!("{id},")))
            .unwrap()
            .to_owned()
    };
    // overlap rises from −40 to −5 by construction of a phantom: found, and still not shown
    assert!(row("H17").contains(",built_in,built_in,"), "{}", row("H17"));
    assert!(row("H7").contains(",emergent,present,") || row("H7").contains(",emergent,absent,"));
    assert!(row("H22").contains(",not_computed,"));
    let published = fs::read_to_string(out.path().join("published/tests.csv")).unwrap();
    assert!(published.contains("1793.2"));
    // quoted, never ticked: no page of a phantom says that a published number was met
    let page = fs::read_to_string(&summary.report).unwrap().to_lowercase();
    assert!(!page.contains("reproduced") && !page.contains('✓') && !page.contains('✔'));

    let mut real = input();
    real.facts.synthetic = false;
    write_report(out.path(), &real).unwrap();
    let text = fs::read_to_string(out.path().join("tables/claims.csv")).unwrap();
    assert!(!text.contains("built_in"));
}

#[test]
fn tables_are_also_markdown_and_latex() {
    let out = tempfile::tempdir().unwrap();
    tables(out.path());
    write_report(out.path(), &input()).unwrap();
    let read = |name: &str| fs::read_to_string(out.path().join("tables").join(name)).unwrap();
    let markdown = read("markdown/overlap.md");
    assert!(markdown.contains("| Network | Method |"), "{markdown}");
    assert!(markdown.contains("phantom") && !markdown.contains("<script>"));
    let latex = read("latex/tests.tex");
    assert!(latex.contains(r"\begin{tabular}"), "{latex}");
    assert!(
        latex.contains(r"pseudo\_replication") && latex.contains("$<$ 0.001"),
        "{latex}"
    );
    assert!(read("latex/claims.tex").contains("H22"));
    assert!(read("markdown/table-1.md").contains("ResNet50"));
}

#[test]
fn a_full_album_leaves_the_rest_out() {
    let mut album = Album::new();
    let noisy = |seed: u32| {
        let mut slice = example("thawed", "-5", true);
        let value = |r: usize, c: usize| {
            let mixed = (r as u32 * 7919 + c as u32 * 104_729 + seed).wrapping_mul(2_654_435_761);
            (mixed >> 24) as f32 / 255.0
        };
        let size = (64, 64);
        slice.image = Array2::from_shape_fn(size, |(r, c)| value(r, c));
        slice.foreground = Array2::from_elem(size, true);
        slice.truth = None;
        slice.supervised = None;
        slice.maps = (0..40)
            .map(|i| ExampleMap {
                model: format!("net{i}"),
                method: "grad_cam".into(),
                map: Array2::from_shape_fn(size, |(r, c)| value(r, c)),
            })
            .collect();
        slice
    };
    let one = noisy(1);
    while album.left_out() == 0 {
        album.add(&one).unwrap();
    }
    assert!(album.bytes() <= Album::BUDGET && album.len() > 10);
}

#[test]
fn text_from_users_is_escaped_everywhere() {
    let out = tempfile::tempdir().unwrap();
    tables(out.path());
    let summary = write_report(out.path(), &input()).unwrap();
    for path in summary.figures.iter().chain([&summary.report]) {
        let text = fs::read_to_string(path).unwrap();
        assert!(!text.contains("<script>alert"), "{}", path.display());
        assert_eq!(
            text.matches("<script").count(),
            if path.ends_with("report.html") { 2 } else { 0 },
            "the browser's data and its program, nothing else: {}",
            path.display()
        );
    }
    let page = fs::read_to_string(&summary.report).unwrap();
    assert!(page.contains("&lt;script&gt;"));
    assert!(page.contains("\\u003cscript\\u003e"));
}

#[test]
fn same_input_gives_same_bytes_outside_the_run_box() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    tables(a.path());
    tables(b.path());
    let first = write_report(a.path(), &input()).unwrap();
    let mut slower = input();
    slower.costs.stages[0].seconds = 99.0;
    slower.costs.threads = Some(4);
    let second = write_report(b.path(), &slower).unwrap();
    let pages = [&first, &second].map(|s| fs::read_to_string(&s.report).unwrap());
    assert_ne!(pages[0], pages[1]);
    assert_eq!(without_run_box(&pages[0]), without_run_box(&pages[1]));
    for (x, y) in first.figures.iter().zip(&second.figures) {
        assert_eq!(fs::read(x).unwrap(), fs::read(y).unwrap());
    }
}

#[test]
fn missing_tables_and_columns_are_named() {
    let out = tempfile::tempdir().unwrap();
    let mut bare = input();
    bare.examples.clear();
    let summary = write_report(out.path(), &bare).unwrap();
    assert!(summary.figures.is_empty());
    assert_eq!(summary.missing.len(), 6);
    let page = fs::read_to_string(&summary.report).unwrap();
    assert!(page.contains("This run wrote no tables&#x2f;miou.csv."));

    tables(out.path());
    fs::write(
        out.path().join("tables/liquid_loss.csv"),
        "model,method,threshold,n,rho\nresnet50,grad_cam,0.5,6,0.1\n",
    )
    .unwrap();
    fs::write(out.path().join("tables/tests.csv"), "").unwrap();
    let summary = write_report(out.path(), &input()).unwrap();
    assert_eq!(
        summary.missing,
        [
            "Figure 4. Marked share against liquid loss: tables/liquid_loss.csv has no column p, ci_low, ci_high."
        ]
    );
    let page = fs::read_to_string(&summary.report).unwrap();
    assert!(page.contains("tests.csv has no rows"));
    assert!(!out.path().join("figures/figure-4.svg").exists());
}

#[test]
fn figures_of_an_earlier_run_go() {
    let out = tempfile::tempdir().unwrap();
    tables(out.path());
    write_report(out.path(), &input()).unwrap();
    fs::write(out.path().join("figures/figure-notes.txt"), "kept").unwrap();
    fs::remove_file(out.path().join("tables/miou.csv")).unwrap();
    write_report(out.path(), &input()).unwrap();
    assert!(!out.path().join("figures/figure-3.svg").exists());
    assert!(out.path().join("figures/figure-5.svg").exists());
    assert!(out.path().join("figures/figure-notes.txt").exists());
}

#[test]
fn malformed_tables_are_errors_with_their_place() {
    let out = tempfile::tempdir().unwrap();
    tables(out.path());
    let path = out.path().join("tables/liquid_loss.csv");
    let header = "model,method,threshold,n,rho,p,ci_low,ci_high\n";
    fs::write(
        &path,
        format!("{header}resnet50,grad_cam,0.5,6,oops,0.2,,\n"),
    )
    .unwrap();
    let message = write_report(out.path(), &input()).unwrap_err().to_string();
    assert!(
        message.contains("liquid_loss.csv, line 2, column `rho`"),
        "{message}"
    );
    assert!(message.contains("\"oops\""), "{message}");

    fs::write(
        &path,
        format!("{header}a,b,0.5,6,0.1,0.2,,\nresnet50,grad_cam\n"),
    )
    .unwrap();
    let error = write_report(out.path(), &input()).unwrap_err();
    assert!(matches!(error, Error::Csv { line: 3, .. }), "{error}");
}

#[test]
fn shapes_of_examples_are_checked() {
    let out = tempfile::tempdir().unwrap();
    let mut wrong = input();
    wrong.examples[1].maps[0].map = Array2::zeros((2, 2));
    let message = write_report(out.path(), &wrong).unwrap_err().to_string();
    assert!(
        message.contains("the map of grad_cam on resnet50 is [2, 2]"),
        "{message}"
    );
}

#[test]
fn real_data_are_not_called_synthetic() {
    let out = tempfile::tempdir().unwrap();
    tables(out.path());
    let mut real = input();
    real.facts.synthetic = false;
    let summary = write_report(out.path(), &real).unwrap();
    for path in summary.figures.iter().chain([&summary.report]) {
        let text = fs::read_to_string(path).unwrap().to_lowercase();
        assert!(
            !text.contains("synthetic") && !text.contains("phantom"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn input_survives_json() {
    let text = serde_json::to_string(&input()).unwrap();
    let back: ReportInput = serde_json::from_str(&text).unwrap();
    assert!(back.examples.is_empty());
    assert_eq!(back.facts.networks, input().facts.networks);
    let unknown = text.replacen("\"facts\"", "\"surplus\":1,\"facts\"", 1);
    assert!(serde_json::from_str::<ReportInput>(&unknown).is_err());
}
