//! The study: the loop of asking, evaluating and learning, and what it leaves behind.

mod bill;
pub(crate) mod csv;
mod deaths;
mod decided;
mod decisions;
mod desk;
mod ended;
mod explain;
mod fidelities;
mod inherited;
mod insight;
mod journal;
mod lineage;
mod live;
mod objective;
mod places;
pub(crate) mod progress;
mod report;
mod run;
mod running;
mod shared;
mod shelf;
mod state;
mod termination;
mod timeline;
mod transfer;

pub use bill::Bill;
pub use ended::Ended;
pub use explain::Explanation;
pub use fidelities::{Fidelities, Measure, Measures};
pub(crate) use journal::{Sink, Tail, begun, line, tail};
pub(crate) use run::guarded;
pub use running::{Running, Searches, running};
pub use transfer::{Transfer, Transferred};

use crate::count::Count;
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{
    AnyEvaluator, Budget, Evaluator, IntoEvaluation, IntoEvaluator, Retrained, Watch,
};
use crate::interrupt::{self, Stop};
use crate::live::Stage;
use crate::oneshot::OneShot;
use crate::record::{
    Cost, Duplicates, Failure, History, Key, OnFailure, Outcome, Protocol, Trial, best_of,
};
use crate::space::Space;
use crate::strategy::{AnyStrategy, IntoStrategy, Random, Strategy};
use crate::task::Metric;
use crate::threads::{MOST_THREADS, cores};
use desk::Desk;
use journal::Event;
use live::Pulse;
use shelf::Shelves;
use state::{Next, State};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

/// A search: a space, an evaluator, a strategy and a budget, and its trials once it has run.
///
/// Every setting returns a new study; [`run`](Study::run) returns the finished one and leaves this
/// one as it was, so a notebook cell can be run again.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(200);
/// let space = Space::on(&data).then(linear(any([8, 16, 32])));
/// let study = Study::new(&space, Train::on(&data).epochs(2))
///     .strategy(Evolution::regularized()).trials(6).seed(1).quiet().run()?;
/// assert_eq!(study.trials_done().len(), 6);
/// assert!(study.best()?.score().is_some());
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
pub struct Study {
    setup: Arc<Setup>,
    state: Arc<Mutex<State>>,
    desk: Arc<Mutex<Desk>>,
    stop: Arc<Stop>,
    pulse: Arc<Pulse>,
}

#[derive(Clone)]
struct Setup {
    space: Space,
    evaluator: AnyEvaluator,
    strategy: AnyStrategy,
    protocol: Protocol,
    /// Settings as they were given, before they are known to be in range.
    given: Vec<(&'static str, i64)>,
    limited: bool,
    jobs: Option<usize>,
    quiet: bool,
    callbacks: Vec<Callback>,
    journal: Option<PathBuf>,
    /// Whether the journal must have exactly this budget.
    strict: bool,
    checkpoints: bool,
    /// Trainings with fewer epochs than the full ones, to go on with.
    shelves: Shelves,
    /// A figure that every evaluation must have because a comparison reports it.
    reported: Option<String>,
    /// What it runs, where it is a one-shot search.
    one_shot: Option<OneShot>,
}

type Callback = Arc<dyn Fn(&Trial) + Send + Sync>;

/// A trial that was asked for and waits for its result; see [`Study::ask`].
#[derive(Clone, Debug)]
pub struct Asked(Trial);

impl Asked {
    /// The trial's number.
    pub fn number(&self) -> usize {
        self.0.number()
    }

    /// The architecture to evaluate.
    pub fn architecture(&self) -> crate::space::Architecture {
        self.0.architecture()
    }

    /// The budget and seed to evaluate it with.
    pub fn budget(&self) -> Budget {
        self.0.budget()
    }
}

/// Why the next trial could not be asked for.
enum Fault {
    /// The strategy failed, or something that is needed to ask it.
    Strategy(Error),
    /// The proposal could not be written.
    Journal(Error),
}

impl From<Error> for Fault {
    fn from(e: Error) -> Fault {
        Fault::Strategy(e)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        match fault {
            Fault::Strategy(e) | Fault::Journal(e) => e,
        }
    }
}

const DEFAULT_TRIALS: usize = 20;

impl Study {
    /// A study of the space with the evaluator; by default random search, 20 trials, seed 0.
    pub fn new<How>(space: &Space, evaluator: impl IntoEvaluator<How>) -> Study {
        let evaluator = evaluator.into_evaluator();
        let state = State::new(space, evaluator.metric());
        let protocol = Protocol {
            seed: 0,
            batch: 4,
            trials: Some(DEFAULT_TRIALS),
            epochs: None,
            seconds: None,
            simulated_seconds: None,
            duplicates: Duplicates::default(),
            key: Key::default(),
            on_failure: OnFailure::default(),
            trial_seconds: None,
            memory: None,
            objectives: vec![],
        };
        let setup = Setup {
            space: space.clone(),
            evaluator,
            strategy: Random.into_strategy(),
            protocol,
            given: vec![],
            limited: false,
            jobs: None,
            quiet: false,
            callbacks: vec![],
            journal: None,
            strict: false,
            checkpoints: false,
            shelves: Shelves::default(),
            reported: None,
            one_shot: None,
        };
        Study::of(setup, state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot have left a trial half written: trials are replaced as a whole.
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// A copy with a setting that results do not depend on: it keeps the trials.
    fn keep(&self, change: impl FnOnce(&mut Setup)) -> Study {
        let mut setup = (*self.setup).clone();
        change(&mut setup);
        let mut state = self.lock().fork();
        state.asking = false;
        // A copy of a running study is not running.
        state.seconds += state.run_since.take().map_or(0.0, |begun| begun.elapsed().as_secs_f64());
        let desk = self.desk_for(&setup);
        Study { desk, ..Study::of(setup, state) }
    }

    /// A copy with another limit: the old one may have ended the study, and the new one may not.
    fn limit(&self, change: impl FnOnce(&mut Setup)) -> Study {
        let study = self.keep(change);
        study.lock().ended = None;
        study
    }

    /// A copy with a setting that results depend on: it begins without trials.
    fn anew(&self, change: impl FnOnce(&mut Setup)) -> Study {
        let mut setup = (*self.setup).clone();
        change(&mut setup);
        // The same seed of another study is another training where weights are inherited.
        setup.shelves = setup.shelves.emptied();
        let state = State::new(&setup.space, setup.evaluator.metric());
        Study::of(setup, state)
    }

    fn of(setup: Setup, state: State) -> Study {
        Study {
            setup: Arc::new(setup),
            state: Arc::new(Mutex::new(state)),
            desk: Arc::default(),
            stop: Arc::default(),
            pulse: Arc::default(),
        }
    }

    /// How to choose the next architecture; see [`crate::strategies`].
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn strategy<How>(&self, strategy: impl IntoStrategy<How>) -> Study {
        self.anew(|s| s.strategy = strategy.into_strategy())
    }

    /// The budget in trials. With a larger one, a study that has run continues where it ended.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn trials(&self, trials: impl Count) -> Study {
        let n = trials.to_i64();
        self.limit(|s| {
            s.give("trials", n);
            s.protocol.trials = Some(n.to_size());
            s.limited = true;
        })
    }

    /// The budget in epochs of all trials together.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn epochs(&self, epochs: impl Count) -> Study {
        let n = epochs.to_i64();
        self.limit(|s| {
            s.give("epochs", n);
            s.only_limits();
            s.protocol.epochs = Some(n.max(0) as f64);
        })
    }

    /// The budget in seconds of wall time. Trials that are running when it is reached are still
    /// finished, so a closure that never returns keeps the study waiting for ever. For a limit per
    /// trial, see [`trial_seconds`](Study::trial_seconds).
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn seconds(&self, seconds: f64) -> Study {
        self.limit(|s| {
            s.only_limits();
            s.protocol.seconds = Some(seconds);
        })
    }

    /// The budget in simulated seconds of all trials together, for evaluations that look up how long
    /// a training took; see [`Table::cost`](crate::Table::cost) and
    /// [`Evaluation::with_seconds`](crate::Evaluation::with_seconds). It does not depend on the
    /// machine. The cost of a trial is known only when it has ended, so the last trial may cross the
    /// limit and still counts; with a batch of q, up to q trials may. Reused results cost nothing.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
    /// let priced = evaluator(|a, _| Evaluation::new(a.params() as f64).with_seconds(40.0));
    /// let study = Study::new(&space, priced).duplicates(Duplicates::Repeat);
    /// assert_eq!(study.batch(1).simulated_seconds(100.0).quiet().run()?.trials_done().len(), 3);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn simulated_seconds(&self, seconds: f64) -> Study {
        self.limit(|s| {
            s.only_limits();
            s.protocol.simulated_seconds = Some(seconds);
        })
    }

    /// The seed that every random number of the study follows from.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn seed(&self, seed: impl Count) -> Study {
        self.anew(|s| s.protocol.seed = seed.to_seed())
    }

    /// How far results lag behind: trial n may use the results of trials 0 to n-q, and at most q
    /// trials run at once. The default is 4; 1 is the sequential protocol of the literature.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn batch(&self, q: impl Count) -> Study {
        let q = q.to_i64();
        self.anew(|s| {
            s.give("batch", q);
            s.protocol.batch = q.to_size();
        })
    }

    /// What happens when an architecture is proposed again; the default is to reuse its result.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn duplicates(&self, duplicates: Duplicates) -> Study {
        self.anew(|s| s.protocol.duplicates = duplicates)
    }

    /// Which architectures count as the same; by default those with the same decisions.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn key(&self, key: Key) -> Study {
        self.anew(|s| s.protocol.key = key)
    }

    /// What happens when a trial fails; the default is to record it and go on.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn on_failure(&self, what: OnFailure) -> Study {
        self.anew(|s| s.protocol.on_failure = what)
    }

    /// The most seconds that one trial may take; with [`OnFailure::Retry`], that each attempt may
    /// take. A trial that takes longer has failed. A training stops within one step of the limit, also
    /// one inside a closure, on the thread that called it. Nothing else can be stopped in the middle: it is judged
    /// when it ends, and a closure that never returns keeps the study waiting for ever. An evaluator
    /// of your own can ask its [`Watch`](crate::Watch) now and then. Like all limits in seconds, this
    /// one depends on the machine.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn trial_seconds(&self, seconds: f64) -> Study {
        self.anew(|s| s.protocol.trial_seconds = Some(seconds))
    }

    /// The most bytes that one trial may need. A trial that is estimated to need more fails at once.
    /// Without this limit, a training fails if it needs more memory than there is (on the machine, in
    /// the container, under `ulimit -v`), and waits if it needs more than other trainings leave.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn trial_memory(&self, bytes: impl Count) -> Study {
        let n = bytes.to_i64();
        self.anew(|s| {
            s.give("trial_memory", n);
            s.protocol.memory = Some(n.to_size());
        })
    }

    /// The threads to use; by default one per core, at most the batch. Results do not depend on it.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn jobs(&self, threads: impl Count) -> Study {
        let n = threads.to_i64();
        self.keep(|s| {
            s.give("jobs", n);
            s.jobs = Some(n.to_size());
        })
    }

    /// Shows no progress: neither lines nor pictures.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn quiet(&self) -> Study {
        self.keep(|s| s.quiet = true)
    }

    /// Calls the closure for every trial that has ended, in the order of the trials' numbers.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8])));
    /// Study::new(&space, evaluator(|a, _| a.params() as f64))
    ///     .trials(3).quiet().on_trial(|t| println!("{}", t.line())).run()?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn on_trial(&self, callback: impl Fn(&Trial) + Send + Sync + 'static) -> Study {
        self.keep(|s| s.callbacks.push(Arc::new(callback)))
    }

    /// The settings that results depend on.
    pub fn protocol(&self) -> Protocol {
        self.setup.protocol.clone()
    }

    /// The score's name and direction.
    pub fn metric(&self) -> Metric {
        self.setup.evaluator.metric()
    }

    /// The space.
    pub fn space(&self) -> Space {
        self.setup.space.clone()
    }

    /// With another default for the number of trials.
    pub(crate) fn planning(&self, trials: usize) -> Study {
        self.keep(|s| s.protocol.trials = Some(trials))
    }

    /// With a figure that every evaluation must have.
    pub(crate) fn reporting(&self, figure: Option<String>) -> Study {
        self.keep(|s| s.reported = figure)
    }

    /// How many trials the budget allows, as far as that can be told.
    pub(crate) fn planned(&self) -> usize {
        self.setup.planned()
    }

    pub(crate) fn evaluator(&self) -> AnyEvaluator {
        self.setup.evaluator.clone()
    }

    /// Everything that is wrong with the settings, in words; empty when the study can run.
    pub fn problems(&self) -> Vec<String> {
        let s = &*self.setup;
        let mut found = s.space.problems();
        found.extend(s.evaluator.problems());
        found.extend(s.evaluator.problems_with(&s.space));
        found.extend(s.strategy.problems());
        // Settings that are wrong by themselves are not looked at together.
        if let (true, Some(Err(e))) = (found.is_empty(), self.rungs_of()) {
            found.push(e.to_string());
        }
        found.extend(self.objective_problems());
        if let Some(search) = &s.one_shot {
            found.extend(search.problems_of(&s.protocol, s.journal.as_deref()));
            if s.strategy.describe(0) != Strategy::describe(search, 0) {
                found.push(format!(
                    "strategy({}) in a one-shot search, which proposes what it derives. For a search on its \
                     weights, try Study::new(&space, search.shared()?) after it has run.",
                    s.strategy.describe(0)
                ));
            }
        }
        for &(name, n) in s.given.iter().filter(|(_, n)| *n < 1) {
            let try_ = match name {
                "trials" => 20,
                "trial_memory" => 1_000_000_000,
                _ => 4,
            };
            found.push(format!("{name}({n}): at least 1 is needed. Try {name}({try_})."));
        }
        for (name, seconds, usual) in [
            ("seconds", s.protocol.seconds, "60.0"),
            ("simulated_seconds", s.protocol.simulated_seconds, "12000.0"),
            ("trial_seconds", s.protocol.trial_seconds, "60.0"),
        ] {
            if let Some(seconds) = seconds.filter(|s| !s.is_finite() || *s <= 0.0) {
                found.push(format!(
                    "{name}({seconds}): a finite number, more than 0.0, is needed. Try {name}({usual}), \
                     or leave it out."
                ));
            }
        }
        if s.journal.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            found.push("journal(\"\"): a path is needed. Try journal(\"study.jsonl\").".into());
        }
        if s.checkpoints && s.journal.is_none() {
            found.push(
                "checkpoints() are kept beside a journal. Add .journal(\"study.jsonl\").".into(),
            );
        }
        found.extend(s.shelf_problem());
        // A table's code that cannot be read is the space's problem and the evaluator's.
        found.dedup();
        let full = s.evaluator.full();
        if let Some(limit) = s.protocol.epochs.filter(|&l| l >= 1.0 && l < full as f64) {
            found.push(format!(
                "epochs({limit}): one trial takes {full} epochs. Try epochs({}).",
                20 * full
            ));
        }
        found
    }

    /// After how many epochs a schedule looks; `None` without one, or where the evaluator cannot say.
    pub(crate) fn rungs_of(&self) -> Option<Result<Vec<usize>>> {
        let s = &*self.setup;
        if !s.strategy.is_schedule() {
            return None;
        }
        let about = run::guarded(|| Ok((s.evaluator.full(), s.evaluator.levels())));
        let (full, levels) = about.ok()?;
        s.strategy.rungs_of(full, &crate::record::levels_in_order(levels))
    }

    /// Whether the study can run.
    ///
    /// # Errors
    /// All problems of space, evaluator, strategy and settings together.
    pub fn check(&self) -> Result<()> {
        match &self.problems()[..] {
            [] => Ok(()),
            problems => Err(Error::all("the study", problems)),
        }
    }

    /// What a run would do and cost, without running it.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn explain(&self) -> Explanation {
        explain::explain(self)
    }

    /// Asks for the next trial, which you evaluate yourself; give its result to
    /// [`tell`](Study::tell). Both change this study itself, and its clones.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
    /// let study = Study::new(&space, evaluator(|_, _| 0.0)).trials(10).duplicates(Duplicates::Repeat);
    /// for _ in 0..10 {
    ///     let asked = study.ask()?;
    ///     study.tell(&asked, asked.architecture().params() as f64)?;
    /// }
    /// assert_eq!(study.best()?.architecture().to_string(), "linear(16)");
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the study is over, or as many trials as the batch allows wait for their results. Trials
    /// that reuse a result end at once and are passed over. With a journal, the trials that an earlier
    /// process left without a result come first.
    pub fn ask(&self) -> Result<Asked> {
        self.check()?;
        drop(self.desk()?);
        {
            let mut state = self.lock();
            state.go_on();
            state.by_hand.get_or_insert_with(std::time::Instant::now);
            if let Some(n) = state.orphans.pop_first() {
                return Ok(Asked(state.trials()[n].clone()));
            }
        }
        loop {
            match self.ask_one()? {
                Some(asked) if asked.evaluate => return Ok(Asked(asked.trial)),
                Some(_) => {}
                None => {
                    let state = self.lock();
                    return Err(match &state.ended {
                        Some(reason) => Error::new(
                            ErrorKind::Exhausted,
                            format!("the study is over: {reason}.{}", reason.cure()),
                        ),
                        None => Error::new(
                            ErrorKind::Missing,
                            format!(
                                "trial {} waits for its result, and batch({}) lets nothing be asked \
                                 further ahead of it. Tell it first.",
                                state.settled(),
                                self.setup.protocol.batch
                            ),
                        ),
                    });
                }
            }
        }
    }

    /// Asks for the next trial; `None` when none may be asked for now, or ever again (then `ended` says why).
    fn ask_one(&self) -> Result<Option<state::Asked>> {
        let (whole, planned) =
            run::guarded(|| Ok((self.setup.evaluator.whole(0), self.setup.planned())))?;
        drop(self.desk()?);
        let elapsed = {
            let mut state = self.lock();
            state.by_hand.get_or_insert_with(std::time::Instant::now);
            state.elapsed()
        };
        let asked = self.ask_next(whole, planned, elapsed)?;
        run::announce(self);
        Ok(asked)
    }

    /// The history for a next trial that may use all results so far.
    pub(crate) fn known(&self) -> Result<History> {
        let planned = run::guarded(|| Ok(self.setup.planned()))?;
        let mut history = self.lock().history_now(&self.setup.protocol);
        history.set_planned(planned);
        Ok(history)
    }

    /// The same, for an evaluator that has been asked about its budget. The strategy is asked without
    /// the lock: it may be a user's code, which may look at the study.
    fn ask_next(
        &self,
        whole: Budget,
        planned: usize,
        at: f64,
    ) -> Result<Option<state::Asked>, Fault> {
        let s = &*self.setup;
        let unsure = self.unsure_figures()?;
        if !self.lock().history.knows_levels() {
            let levels = run::guarded(|| Ok(s.evaluator.levels()))
                .map_err(|e| e.context("levels() of the evaluator"))?;
            self.lock().history.set_levels(levels);
        }
        let question = {
            let mut state = self.lock();
            state.history.set_planned(planned);
            if state.asking {
                return Err(Fault::Strategy(Error::new(
                    ErrorKind::Invalid,
                    "the study is asking its strategy already: a strategy cannot ask or step the \
                     study that asks it, nor can two threads at once. Use history instead.",
                )));
            }
            let lacks = || state.without_figure(&s.protocol, s.reported.as_deref());
            let next = match unsure.then(lacks).flatten().filter(|_| state.ended.is_none()) {
                Some(reason) => state.wait_or(reason),
                None => state.next(&s.protocol, whole, at),
            };
            match next {
                Next::Ask => {}
                Next::Wait => return Ok(None),
                Next::Over(reason) => {
                    state.ended = Some(reason);
                    return Ok(None);
                }
            }
            state.asking = true;
            state.question(&s.protocol, whole)
        };
        let asked = std::time::Instant::now();
        // A strategy that trains something ends with the study, and keeps to the limit of a trial.
        let watch = Watch::stopped_by(&self.stop).limit(s.protocol.trial_seconds);
        let ask = |question: state::Question| {
            run::guarded(|| watch.during(|| question.ask(&s.strategy, &s.protocol)))
        };
        let mut proposal = ask(question);
        if let Ok(Err(Ended::Exhausted(_))) = &proposal {
            let question = {
                let mut state = self.lock();
                if state.settled() < state.trials().len() {
                    // What runs may still be gone on with.
                    state.asking = false;
                    return Ok(None);
                }
                let mut history = state.history_now(&s.protocol);
                history.set_planned(planned);
                state::Question::at_the_end(history)
            };
            proposal = ask(question);
        }
        let thought = asked.elapsed().as_secs_f64();
        let named = |e: Error| match e.kind() {
            ErrorKind::User => e.context(format!("in {}", s.strategy.describe(planned))),
            _ => e,
        };
        let mut state = self.lock();
        state.asking = false;
        if proposal.as_ref().is_err_and(|e| e.kind() == ErrorKind::Stopped) {
            state.ended = Some(Ended::by(&self.stop));
            return Ok(None);
        }
        match proposal.map_err(named)? {
            Ok(proposal) => {
                let asked = state.commit(proposal, &s.protocol, &s.evaluator, whole, (at, thought));
                drop(state);
                let written = self.note(|| Some(journal::asked(&asked.trial)));
                if let Err(e) = written {
                    // The trial stays, and is handed out once the journal can be written again.
                    self.lock().hand_out_again();
                    return Err(Fault::Journal(e));
                }
                if asked.trial.error().is_some() {
                    self.note(|| journal::ended(&asked.trial)).map_err(Fault::Journal)?;
                }
                Ok(Some(asked))
            }
            Err(reason) => {
                state.ended = Some(reason);
                Ok(None)
            }
        }
    }

    /// Whether every evaluation must have certain figures and only an evaluation can show whether it
    /// has them.
    fn unsure_figures(&self) -> Result<bool> {
        let s = &*self.setup;
        let wanted = !s.protocol.objectives.is_empty() || s.reported.is_some();
        Ok(wanted && run::guarded(|| Ok(s.evaluator.figures().is_none()))?)
    }

    /// Tells the result of a trial: a score, an [`Evaluation`](crate::Evaluation), or a `Result`,
    /// whose error makes it a failed trial. With a journal, the result is on disk when this returns.
    ///
    /// # Errors
    /// When the trial does not belong to this study or already has its result, or when the journal
    /// cannot be opened or written: then nothing has changed, and the result can be told again.
    pub fn tell(&self, asked: &Asked, result: impl IntoEvaluation) -> Result<()> {
        let result = result.into_evaluation();
        let (n, seed, cost) = (asked.number(), asked.budget().seed(), Cost::default());
        // Held to the end, so that two threads cannot both tell the same trial.
        let mut desk = self.desk()?;
        let (outcome, at) = {
            let state = self.lock();
            let known = state.trials().get(n).filter(|t| t.architecture() == asked.architecture());
            if known.is_none_or(Trial::ended) {
                return Err(Error::invalid(
                    format!("trial {n}"),
                    "it is not waiting for a result in this study",
                    "telling each asked trial once",
                ));
            }
            (state.judge(n, result), state.elapsed())
        };
        if let Some(event) = journal::end_of(n, &outcome, seed, cost, at) {
            desk.write(&event)?;
        }
        self.lock().close(n, outcome, seed, cost, at);
        drop(desk);
        run::announce(self);
        Ok(())
    }

    /// Asks for a trial, evaluates it and tells the result. This changes this study itself.
    ///
    /// # Errors
    /// As [`Study::ask`]. A trial that fails is not an error: it is recorded.
    pub fn step(&self) -> Result<Trial> {
        let asked = self.ask()?;
        let done = run::evaluate(self, &asked.0);
        if let Err(e) = &done.result
            && e.kind() == ErrorKind::Stopped
        {
            self.lock().orphans.insert(asked.number());
            return Err(e.clone());
        }
        let at = self.lock().elapsed();
        self.end(asked.number(), done.result, done.seed, done.cost, at)?;
        run::announce(self);
        Ok(self.lock().trials()[asked.number()].clone())
    }

    /// Records how a trial ended. A result that cannot be written is kept, and written when the
    /// journal is opened again.
    fn end(
        &self,
        n: usize,
        result: Result<crate::evaluate::Evaluation>,
        seed: u64,
        cost: Cost,
        at: f64,
    ) -> Result<()> {
        let outcome = self.lock().judge(n, result);
        let written = self.note(|| journal::end_of(n, &outcome, seed, cost, at));
        self.lock().close(n, outcome, seed, cost, at);
        written
    }

    /// Runs the study to the end of its budget and returns it with its trials. A study that already
    /// has trials continues from them.
    ///
    /// A trial that fails (an error, a panic, a NaN) is recorded, and the study goes on; see
    /// [`failed`](Study::failed). Why it stopped early is in [`ended`](Study::ended). ■ in this project's
    /// kernel for notebooks, or Ctrl-C in a terminal, ends it at its next step: it returns with the trials so far
    /// and [`Ended::Interrupted`], and goes on when it is run again.
    ///
    /// # Errors
    /// When the settings have problems, all of them together, or the strategy fails before the
    /// first trial.
    pub fn run(&self) -> Result<Study> {
        let (study, stage) = self.on_stage()?;
        live::close(stage, &study, &Ok(()));
        Ok(study)
    }

    /// The same with the display that it was drawn in, for somebody else's last picture.
    fn on_stage(&self) -> Result<(Study, Option<Stage>)> {
        self.check()?;
        let mut study = self.prepared()?;
        // Inside of something else, it ends with that.
        if let Some(stop) = interrupt::stop_here() {
            study.stop = stop;
        }
        let stage = live::open(&study, !study.setup.quiet, false);
        let drawn = stage.is_some() || crate::live::hush();
        match run::run(&study, drawn) {
            Ok(()) => Ok((study, stage)),
            Err(e) => {
                stage.into_iter().for_each(Stage::clear);
                Err(e)
            }
        }
    }

    /// A study in which the failed trials are open again: the next [`run`](Study::run) evaluates them
    /// with their old seeds. What came after them stays as it is.
    ///
    /// # Errors
    /// When the journal cannot be opened or written.
    pub fn retry_failures(&self) -> Result<Study> {
        self.check()?;
        let study = self.prepared()?;
        for trial in study.failed().iter().filter(|t| t.0.evaluated) {
            study.note(|| Some(Event::Retried { trial: trial.number() }))?;
            let mut state = study.lock();
            state.reopen(trial.number());
            // A trial that ended a process is tried alone.
            if matches!(trial.0.outcome, Outcome::Failed(Failure::Died(_))) {
                state.suspects.insert(trial.number());
            }
        }
        Ok(study.at_rest())
    }

    /// Evaluates the trials that may have ended the last process while nothing else runs, such as the
    /// other studies of a comparison.
    pub(crate) fn try_suspects(&self) -> Result<()> {
        let study = self.prepared()?;
        let none = study.lock().suspects.is_empty();
        if none { Ok(()) } else { run::try_suspects(&study) }
    }

    /// Why the study ended, in words; empty while it has not.
    pub fn ended(&self) -> String {
        self.ended_by().map_or(String::new(), String::from)
    }

    /// Why the study ended, as a value that code can match; `None` while it has not.
    pub fn ended_by(&self) -> Option<Ended> {
        self.lock().ended.clone()
    }

    /// Why the study ended before its budget did, though there was more to try: its strategy failed,
    /// its journal could not be written, its evaluations lack a figure, or it was stopped.
    pub(crate) fn broke_off(&self) -> Option<Ended> {
        self.ended_by().filter(Ended::broke_off)
    }

    /// All trials that have ended, in order.
    pub fn trials_done(&self) -> Vec<Trial> {
        self.lock().trials().iter().filter(|t| t.ended()).cloned().collect()
    }

    /// The trials that failed, in order.
    pub fn failed(&self) -> Vec<Trial> {
        self.trials_done().into_iter().filter(|t| t.error().is_some()).collect()
    }

    /// The finished trial with the best score; of equal ones the first. Where trials differ in their epochs, it is
    /// one of those with the most.
    ///
    /// # Errors
    /// When no trial has finished; the error gives the cause of the first failure, if there was one.
    pub fn best(&self) -> Result<Trial> {
        let trials = self.trials_done();
        best_of(trials.iter(), &self.metric()).ok_or_else(|| {
            let text = match trials.first().and_then(Trial::error) {
                Some(cause) if trials.len() == 1 => format!("the only trial failed: {cause}"),
                Some(cause) => {
                    format!("all {} trials failed; the first one: {cause}", trials.len())
                }
                None => match self.ended_by() {
                    Some(ended) if ended.may_go_on() => format!(
                        "{ended} before a trial had finished. Run it again and leave it more time; what a \
                         trial takes falls with its epochs and its data"
                    ),
                    Some(ended) => format!("this study has no finished trial: {ended}"),
                    None => "this study has no finished trial. run() returns the finished one: \
                             let study = study.run()?;"
                        .to_string(),
                },
            };
            Error::new(ErrorKind::Missing, text)
        })
    }

    /// The `k` best trials of different architectures, the best first.
    pub fn top(&self, k: impl Count) -> Vec<Trial> {
        let metric = self.metric();
        let mut trials: Vec<Trial> = self.trials_done();
        trials.retain(|t| t.score().is_some() && t.reused_from().is_none());
        trials.sort_by(|a, b| {
            let (x, y) = (a.score().unwrap_or(f64::NAN), b.score().unwrap_or(f64::NAN));
            let order = x.total_cmp(&y);
            let order = if metric.maximise { order.reverse() } else { order };
            b.depth().cmp(&a.depth()).then(order)
        });
        let mut seen = std::collections::HashSet::new();
        trials.retain(|t| seen.insert(t.architecture().decisions()));
        trials.truncate(k.to_size());
        trials
    }

    /// The epochs that all trials paid for together; reused results cost nothing.
    pub fn epochs_paid(&self) -> f64 {
        self.lock().epochs() + 0.0
    }

    /// The seconds that the study ran, on any number of threads; by hand, since it was first asked.
    pub fn seconds_run(&self) -> f64 {
        self.lock().elapsed()
    }

    /// Trains the best architecture anew for `epochs` on the training and validation data, and tests
    /// it once on the test split. The report counts how often this has been done: a test split that
    /// decides between architectures no longer measures how well one generalises.
    ///
    /// # Errors
    /// When no trial has finished, or the evaluator cannot train.
    pub fn retrain(&self, epochs: impl Count) -> Result<Retrained> {
        let best = self.best()?;
        let seed = crate::rng::child(self.setup.protocol.seed, "retrain", 0);
        let epochs = epochs.to_i64();
        if epochs < 1 {
            return Err(Error::invalid(
                format!("retrain({epochs})"),
                "at least 1 epoch is needed",
                "retrain(30)",
            ));
        }
        let train = || self.setup.evaluator.retrain(&best.architecture(), epochs.to_size(), seed);
        let winner = crate::live::hushed(self.setup.quiet, || run::guarded(train))?;
        self.lock().tests += 1;
        Ok(winner)
    }
}

impl Setup {
    fn give(&mut self, name: &'static str, n: i64) {
        self.given.retain(|(given, _)| *given != name);
        self.given.push((name, n));
    }

    /// A limit of another kind replaces the default number of trials.
    fn only_limits(&mut self) {
        if !self.limited {
            self.protocol.trials = None;
        }
    }

    fn threads(&self) -> usize {
        let usual = || if self.evaluator.looks_up() { 1 } else { cores() };
        self.jobs.unwrap_or_else(usual).clamp(1, self.protocol.batch.clamp(1, MOST_THREADS))
    }

    /// Whether the evaluator is a user's own code, which may end the process. A training or a table of
    /// this crate does not: a process that ended in one was killed, and may be resumed any number of
    /// times.
    fn foreign(&self) -> bool {
        !self.evaluator.looks_up() && self.evaluator.to_json().is_none()
    }

    /// Whether a limit in seconds cannot end an evaluation.
    fn cannot_stop(&self) -> bool {
        let evaluator = &self.evaluator;
        self.protocol.timed() && !evaluator.looks_up() && !evaluator.stops_midway()
    }

    /// Whether trials are evaluated by the thread that runs the study.
    fn alone(&self) -> bool {
        self.evaluator.looks_up() && self.threads() == 1
    }

    /// How many trials the budget allows, for strategies that plan with it.
    fn planned(&self) -> usize {
        let by_epochs = self.protocol.epochs.map(|e| e as usize / self.evaluator.full().max(1));
        match (self.protocol.trials, by_epochs) {
            (Some(a), Some(b)) => a.min(b),
            (Some(n), None) | (None, Some(n)) => n,
            // A limit in seconds does not say how many trials; 100 gives a population of 25.
            (None, None) => 100,
        }
    }
}

impl fmt::Display for Study {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::draw::Draw::plain(self))
    }
}

crate::draw::debug_as_display!(Study);
