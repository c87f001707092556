//! Every state that can be reached, breadth first, so that the first path to anything is a shortest one.
//!
//! Pure. Bounded by the scope: time, logins and generations are counted, and everything else is a set that only so much can go into.

use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasherDefault;
use std::mem::{Discriminant, discriminant};
use std::time::{Duration, Instant};

use super::acts::act;
use super::moves::{alone, is_possible, moves};
use super::properties::{Property, judge};
use super::scope::Scope;
use super::seen::{Otherwise, Seen};
use super::terms::{Action, Alone, Answer, Lure, Refusal};
use super::world::{Quick, State, Table, World};

/// What was done, and how it was answered.
pub(super) type Path = Vec<(Action, Answer)>;

#[derive(Debug, Default)]
pub(super) struct Explored {
    pub(super) states: usize,
    pub(super) took: Duration,
    pub(super) transitions: usize,
    /// The shortest path to each property that does not hold.
    pub(super) broken: BTreeMap<Property, Path>,
    /// A shortest path to each answer that each kind of action gets.
    pub(super) seen: Vec<Path>,
    /// Paths to states all over, the last ones far from the beginning; without the attacker's preparations.
    pub(super) sample: Vec<Path>,
}

const SAMPLE: usize = 32;

impl Explored {
    pub(super) fn figures(&self) -> String {
        format!("{} states, {} transitions, {:?}", self.states, self.transitions, self.took)
    }
}

/// How a state was reached first.
struct Reached {
    state: State,
    by: Option<(usize, Action)>,
}

struct Explorer<'a> {
    start: World<'a>,
    known: HashSet<State, BuildHasherDefault<Quick>>,
    reached: Vec<Reached>,
    classes: HashSet<Class>,
    explored: Explored,
}

/// Everything, or as far as it takes until this property is broken.
pub(super) fn explore(scope: &Scope, until: Option<Property>) -> Explored {
    let began = Instant::now();
    let table = Table::default();
    let start = World::begin(&table, scope);
    let reached = vec![Reached { state: start.state, by: None }];
    let mut known = HashSet::default();
    known.insert(start.state);
    let mut explorer =
        Explorer { start, known, reached, classes: HashSet::new(), explored: Explored::default() };
    // First the attacker prepares himself, then everything else happens.
    let mut next = 0;
    while alone(&explorer.world(next)).into_iter().any(|action| explorer.follow(next, Action::Alone(action)))
    {
        next += 1;
    }
    let is_found = |explored: &Explored| until.is_some_and(|until| explored.broken.contains_key(&until));
    while next < explorer.reached.len() && !is_found(&explorer.explored) {
        for action in moves(&explorer.world(next)) {
            explorer.follow(next, action);
        }
        next += 1;
    }
    explorer.explored.states = explorer.reached.len();
    explorer.explored.sample = explorer.sample();
    explorer.explored.took = began.elapsed();
    explorer.explored
}

impl<'a> Explorer<'a> {
    fn sample(&self) -> Vec<Path> {
        let ends = (1..=SAMPLE).map(|part| (self.reached.len() - 1) * part / SAMPLE);
        let ways = ends
            .filter_map(|end| self.reached[end].by.map(|(from, action)| path(&self.reached, from, action)));
        let walks = ways.filter_map(|actions| walked(&self.start, &actions, None));
        let others = |path: Path| path.into_iter().filter(|(action, _)| !matches!(action, Action::Alone(_)));
        walks.map(|path| others(path).collect()).collect()
    }

    fn world(&self, at: usize) -> World<'a> {
        World { state: self.reached[at].state, ..self.start }
    }

    /// Takes this step, and says whether it leads somewhere new.
    fn follow(&mut self, from: usize, action: Action) -> bool {
        let mut after = self.world(from);
        let (answer, broken) = step(&mut after, action);
        self.explored.transitions += 1;
        let path = |property| shortened(&self.start, path(&self.reached, from, action), property);
        for property in broken {
            self.explored.broken.entry(property).or_insert_with(|| path(Some(property)));
        }
        if self.classes.insert(Class::of(action, answer)) {
            self.explored.seen.push(path(None));
        }
        let is_new = self.known.insert(after.state);
        if is_new {
            self.reached.push(Reached { state: after.state, by: Some((from, action)) });
        }
        is_new
    }
}

/// Where the model first answers otherwise than a path has it. What nobody can do in it is not offered.
pub(super) fn otherwise(scope: &Scope, path: &Path) -> Option<Otherwise> {
    let table = Table::default();
    let mut world = World::begin(&table, scope);
    path.iter().enumerate().find_map(|(at, (action, answer))| {
        let seen = if is_possible(&world, *action) {
            Seen::of(step(&mut world, *action).0)
        } else {
            Seen::NotOffered
        };
        (seen != Seen::of(*answer)).then_some(Otherwise { at, seen })
    })
}

/// Does it, judges it, and lets fall what nobody can ask about any more.
fn step(world: &mut World<'_>, action: Action) -> (Answer, Vec<Property>) {
    let before = *world;
    let answer = act(world, action);
    let broken = judge(&before, action, answer, world);
    if world.state != before.state {
        world.tidy();
    }
    (answer, broken)
}

/// What kind of action gets what kind of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Class {
    action: Discriminant<Action>,
    alone: Option<Discriminant<Alone>>,
    lure: Option<Discriminant<Lure>>,
    answer: Discriminant<Answer>,
    refusal: Option<Refusal>,
    with_code: bool,
}

impl Class {
    fn of(action: Action, answer: Answer) -> Self {
        Self {
            action: discriminant(&action),
            alone: if let Action::Alone(alone) = &action { Some(discriminant(alone)) } else { None },
            lure: if let Action::Lead(lure, _) = &action { Some(discriminant(lure)) } else { None },
            answer: discriminant(&answer),
            refusal: if let Answer::Refused(refusal) = answer { Some(refusal) } else { None },
            with_code: matches!(answer, Answer::Client(_, Some(_))),
        }
    }
}

fn path(reached: &[Reached], to: usize, last: Action) -> Vec<Action> {
    let mut actions = vec![last];
    let mut at = to;
    while let Some((before, action)) = reached[at].by {
        actions.push(action);
        at = before;
    }
    actions.reverse();
    actions
}

/// Without what is not needed: mostly preparations of the attacker's.
fn shortened(world: &World<'_>, mut actions: Vec<Action>, property: Option<Property>) -> Path {
    let wanted = walked(world, &actions, property).and_then(|path| path.last().copied());
    let mut at = actions.len();
    while at > 0 {
        at -= 1;
        let fewer: Vec<_> = [&actions[..at], &actions[at + 1..]].concat();
        let same = walked(world, &fewer, property).is_some_and(|path| path.last().copied() == wanted);
        if same {
            actions = fewer;
        }
    }
    walked(world, &actions, property).unwrap_or_default()
}

/// The path, if it can be walked and ends by breaking the property.
fn walked(world: &World<'_>, actions: &[Action], property: Option<Property>) -> Option<Path> {
    let mut world = *world;
    let mut path = Path::new();
    let mut broken = Vec::new();
    for action in actions {
        if !is_possible(&world, *action) {
            return None;
        }
        let answer;
        (answer, broken) = step(&mut world, *action);
        path.push((*action, answer));
    }
    property.is_none_or(|property| broken.contains(&property)).then_some(path)
}
