//! Search for a recurrent cell by shared weights: what is relaxed, what is derived, and what is refused.

use nascent::prelude::*;

fn letters() -> Dataset {
    Dataset::names_text().take(96)
}

fn train() -> Train {
    let adam = Optimizer::adamw().learning_rate(0.01);
    Train::on(&letters()).epochs(2).batch_size(16).optimizer(adam).clip_gradient(5.0)
}

fn space(cell: Block) -> Space {
    Space::on(&letters()).then(embedding(4)).then(cell)
}

fn search(space: &Space, method: impl Into<Method>) -> Study {
    Study::one_shot(space, &train(), method).seed(3).quiet().run().unwrap()
}

/// Steps of which some are decided, in one or both of their settings.
fn partly() -> Block {
    let open = any(["tanh", "relu"]);
    let one = any(["sigmoid"]);
    darts_rnn(
        4,
        [
            (0..=0, &one),
            (0..=0, &open),
            (0..=2, &one),
            (1..=2, &open),
            (4..=4, &one),
            (0..=0, &one),
            (5..=5, &open),
            (3..=4, &one),
        ],
    )
}

#[test]
fn a_cell_is_searched_and_drawn() {
    let space = space(presets::darts_rnn(4));
    let study = search(&space, Darts::first_order());
    assert_eq!(study.trials_done().len(), 2);
    let derived = study.derived().unwrap();
    assert!(space.contains(&derived));
    assert_eq!(derived.decisions().len(), 15);
    assert_eq!(study.searched_cells().unwrap(), ["recurrent cell"]);
    // An edge from every earlier state, with five options, and the output.
    let weights = study.operation_weights().unwrap().plain();
    for label in ["rnn 0-1", "rnn 2-5", "rnn 7-8", "none"] {
        assert!(weights.contains(label), "{label}: {weights}");
    }
    assert!(!weights.contains("rnn 5-2"));
    let cell = study.searched_cell("recurrent cell").unwrap();
    assert!(cell.svg().contains("output") && cell.svg().contains("identity"));
    assert!(study.search_signals().is_ok());
    // What is derived has a score on the shared weights, and so has every other cell.
    let shared = study.shared().unwrap();
    for arch in [derived, space.sample(&mut Rng::new(5)).unwrap()] {
        let found = shared.evaluate(&arch, &Budget::new(1, 1, 1)).unwrap();
        assert!(found.score() > 1.0 && found.score() < 40.0, "{}", found.score());
    }
}

/// Every method, on a cell of which some steps are decided; the share of the channels of PC-DARTS is of
/// images.
#[test]
fn all_methods_search_a_cell_that_is_partly_decided() {
    let space = space(partly());
    assert_eq!(space.size(), Some(2 * 3 * 4 * 2 * 2));
    for row in nascent::one_shot_methods() {
        let study = search(&space, (row.make)());
        let derived = study.derived().unwrap();
        assert!(space.contains(&derived), "{}", row.name);
        assert_eq!(derived.decisions().len(), 6, "{}", row.name);
        if ["enas", "spos", "fairnas", "random_sharing"].contains(&row.name) {
            continue;
        }
        let weights = study.operation_weights().unwrap().plain();
        assert!(weights.contains("rnn 2-4") && weights.contains("rnn 5-7"), "{weights}");
        assert!(!weights.contains("rnn 0-1") && !weights.contains("rnn 0-4"), "{weights}");
        assert!(study.searched_cell("recurrent cell").is_ok(), "{}", row.name);
    }
}

#[test]
fn the_same_seed_finds_the_same_cell() {
    let space = space(partly());
    let scores = |study: &Study| -> Vec<Option<f64>> {
        study.trials_done().iter().map(Trial::score).collect()
    };
    let (a, b) = (search(&space, Darts::second_order()), search(&space, Darts::second_order()));
    assert_eq!(scores(&a), scores(&b));
    assert_eq!(a.derived().unwrap(), b.derived().unwrap());
}

/// Two cells, one of them shared by two places, beside a choice of blocks; padded sequences.
#[test]
fn cells_stand_among_other_choices() {
    let names = Dataset::names().take(120);
    let cell = darts_rnn(4, (0..8).map(|i| (0..=i, any(["tanh", "identity"]))));
    let space = Space::on(&names)
        .then(embedding(4))
        .then(shared("cell", &cell))
        .then(one_of([lstm(4), gru(4)]))
        .then(shared("cell", &cell))
        .then(last());
    let train = Train::on(&names).epochs(2).batch_size(16);
    let study = Study::one_shot(&space, &train, Gdas::new()).seed(1).quiet().run().unwrap();
    assert!(space.contains(&study.derived().unwrap()));
    assert_eq!(study.searched_cells().unwrap(), ["cell recurrent cell"]);
}

#[test]
fn units_do_not_mix() {
    let functions = any(["tanh", "relu"]);
    let cell = darts_rnn(any([4, 6]), (0..8).map(|i| (0..=i, &functions)));
    let refused = Study::one_shot(&space(cell), &train(), Darts::first_order()).quiet().run();
    let text = refused.map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("4 or 6 units") && text.contains("presets::darts_rnn(32)"), "{text}");
    // What it says to try works.
    assert!(
        Study::one_shot(&space(presets::darts_rnn(4)), &train(), Darts::first_order())
            .quiet()
            .run()
            .is_ok()
    );
}

/// The pull to 0 keeps the alphas of so many edges where they are; without it they move.
#[test]
fn the_decay_of_the_alphas_can_be_set() {
    let space = space(partly());
    let entropy = |method: Darts| {
        let study = search(&space, method);
        study.trials_done().last().unwrap().evaluation().unwrap().get("entropy").unwrap()
    };
    let method = Darts::first_order().alpha_rate(0.1);
    let (held, free) = (entropy(method.alpha_decay(10.0)), entropy(method.alpha_decay(0.0)));
    assert!(free < held, "{free} {held}");
    let wrong = Study::one_shot(&space, &train(), method.alpha_decay(-1.0)).quiet().run();
    let text = wrong.map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("alpha_decay(-1)") && text.contains("0.001"), "{text}");
}
