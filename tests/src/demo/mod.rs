//! The demo: what a person sees of mcp-oauth in a few minutes, step by step, with every command that is run.
//! First the sidecar alone in front of an MCP server, while Kubernetes still builds; then the whole product in a
//! cluster. Starts processes on loopback and in the lab, and ends them; what it creates in a user's cluster it removes.
//!
//! ```text
//! alone     a server, the sidecar, curl                        (as soon as the sidecar is built)
//! login     the sidecar as authorization server: a login, driven, and by hand as long as the demo lasts
//! place     where the cluster is: the lab's own, or the user's
//! guest     what is there in a user's cluster, and what is removed afterwards
//! cluster   install, a policy, tokens of two kinds, two edits
//! stage, curl, mcp, token, tell     what the scenes are made of
//! ```

mod alone;
mod cluster;
mod curl;
mod guest;
mod login;
mod mcp;
mod place;
mod stage;
mod tell;
pub mod token;

use std::cell::OnceCell;
use std::time::SystemTime;

use crate::counterparts::everything::Everything;
use crate::lab::up::{self, Prepared, Running};
use crate::lab::{Error, Name, Paths, Progress, images, tools};

use guest::Visit;
use login::Desk;
pub use login::by_hand;
pub use place::Choice;
use place::Place;
use tell::Teller;

/// One run of the demo.
#[derive(Debug)]
pub struct Demo<'a> {
    paths: &'a Paths,
    progress: Progress,
    name: Name,
    /// Once something is created in a user's cluster.
    visit: OnceCell<Visit>,
    /// Once a login was shown: a person may go on with it.
    desk: OnceCell<Desk>,
}

impl<'a> Demo<'a> {
    pub fn new(name: Name, paths: &'a Paths, progress: Progress) -> Self {
        Self { paths, progress, name, visit: OnceCell::new(), desk: OnceCell::new() }
    }

    /// All scenes; `wait` is awaited at the end, while the cluster can still be looked at. A lab that was brought up
    /// goes down with this future; what it leaves on the disk is the caller's to remove (`lab::down`). What it leaves in
    /// a user's cluster, also when this future is dropped half-way, `leave` removes.
    pub async fn run(&self, choice: &Choice, wait: impl Future<Output = ()>) -> Result<(), Error> {
        let teller = Teller::new(self.progress);
        teller.opening(&choice.plan());
        match choice {
            Choice::Lab => self.in_lab(&teller, wait).await,
            Choice::Context { context, images } => self.in_context(context, images, &teller, wait).await,
        }
    }

    /// Removes what was created in a user's cluster. Where that is not possible, what stays is named.
    pub async fn leave(&self) -> Result<(), Error> {
        match self.visit.get() {
            Some(visit) => visit.leave(self.progress).await,
            None => Ok(()),
        }
    }

    /// Names what is still in a user's cluster, for one who does not wait for `leave`.
    pub fn say_what_stays(&self) {
        if let Some(visit) = self.visit.get() {
            visit.say_what_stays(self.progress);
        }
    }

    async fn in_lab(&self, teller: &Teller, wait: impl Future<Output = ()>) -> Result<(), Error> {
        // Before the two halves, each of which would install something: apt does one thing at a time.
        tools::ensure(&tools::ASKING, self.progress).await?;
        let (archives, prepared) =
            tokio::try_join!(self.first_scene_then_images(teller), up::prepare(self.paths, self.progress))?;
        let running = self.up(&prepared).await?;
        let tools = tools::ensure_kubectl(self.paths, self.progress).await?;
        let place = Place::lab(running.cluster().clone(), &tools);
        for archive in &archives {
            place.load(archive).await?;
        }
        cluster::play(&place, self.paths, teller).await?;
        teller.closing(&place::look_around(running.cluster()));
        wait.await;
        Ok(())
    }

    async fn up(&self, prepared: &Prepared) -> Result<Running, Error> {
        up::up(self.name.clone(), self.paths, prepared, self.progress).await
    }

    async fn in_context(
        &self,
        context: &str,
        images: &str,
        teller: &Teller,
        wait: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        tools::ensure(&tools::ASKING, self.progress).await?;
        let tools = tools::ensure_kubectl(self.paths, self.progress).await?;
        let place = Place::context(context, images, &tools).await?;
        // At once, so that nobody waits for a build to hear it; and again when the build is over.
        guest::refuse_if_occupied(&place, context).await?;
        self.first_scene(teller).await?;
        let visit = Visit::begin(place, context).await?;
        let visit = self.visit.get_or_init(|| visit);
        cluster::play(visit.place(), self.paths, teller).await?;
        teller.closing(&visit.look_around());
        wait.await;
        Ok(())
    }

    /// The first scenes need one quick build; the images, which take longer, are built after them.
    async fn first_scene_then_images(&self, teller: &Teller) -> Result<Vec<std::path::PathBuf>, Error> {
        self.first_scene(teller).await?;
        let programs = images::build(self.paths, &images::PROGRAMS, self.progress).await?;
        let mut archives =
            vec![Everything::install(self.paths, self.progress).await?.image(self.paths).await?];
        for (program, path) in images::PROGRAMS.iter().zip(&programs) {
            archives.push(images::pack(self.paths, &images::reference(program), path)?);
        }
        Ok(archives)
    }

    async fn first_scene(&self, teller: &Teller) -> Result<(), Error> {
        let sidecar = images::build_quickly(self.paths, images::PROGRAMS[0], self.progress).await?;
        alone::play(&sidecar, self.paths, self.progress, teller).await?;
        let desk = login::play(&sidecar, self.paths, self.progress, teller).await?;
        self.desk.get_or_init(|| desk);
        Ok(())
    }
}

/// A shared secret for this run alone.
fn secret() -> Result<String, Error> {
    let mut bytes = [0; 32];
    let random = std::fs::File::open("/dev/urandom")
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes));
    random.map_err(Error::file("read", std::path::Path::new("/dev/urandom")))?;
    Ok(crate::lab::hex(&bytes))
}

#[expect(clippy::disallowed_methods, reason = "the tokens of the demo are good from now on")]
fn now() -> u64 {
    let time = SystemTime::now();
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn expect(holds: bool, what: &str) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Missing(format!("expected that {what}, and it did not"))) }
}
