//! A person at a browser, between the sidecar and the program on their own machine that wants to use it.
//!
//! Starts Chromium, and listens on loopback.

use harness::counterparts::chromium::{self, Chromium, View, Window};
use harness::lab::Environment;
use url::Url;

use crate::scene::{Scene, paths, progress};
use crate::world::upstream::{Script, Upstream, answer};

/// A person's computer: a browser, and the program that asks.
pub(crate) struct Desk {
    chromium: Chromium,
    client: Upstream,
}

impl Desk {
    /// None where there is no Chromium, and none is required.
    pub(crate) async fn set() -> Option<Self> {
        let program = chromium::find_or_skip(&Environment::of_process()).expect("Chromium is installed")?;
        let chromium = Chromium::start(&program, &paths(), progress()).await.expect("Chromium starts");
        Some(Self { chromium, client: Upstream::start().await })
    }

    pub(crate) async fn window(&self, view: View) -> Window {
        self.chromium.window(view).await.expect("a window")
    }

    /// Where the program waits.
    pub(crate) fn callback(&self) -> String {
        format!("http://{}/callback", self.client.address)
    }

    /// What the program is sent, once the browser is there.
    pub(crate) async fn sent(&self, window: &Window, name: &str) -> Option<String> {
        let address = window.arrive(&self.callback()).await.expect("the browser comes back to the client");
        let address = Url::parse(&address).expect("an address");
        let mut pairs = address.query_pairs();
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// How often somebody came back. A browser asks for an icon as well, when it finds the time.
    pub(crate) fn visits(&self) -> usize {
        self.client.seen().iter().filter(|request| request.line().starts_with("GET /callback")).count()
    }
}

/// With a sidecar and the provider by the book.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) desk: Desk,
}

impl Stage {
    pub(crate) async fn set() -> Option<Self> {
        let desk = Desk::set().await?;
        Some(Self { scene: Scene::set().await, desk })
    }

    pub(crate) async fn authorize(&self) -> String {
        self.scene.sidecar.authorize("a tool", &self.desk.callback()).await
    }

    /// One page of every kind, the longest and the most hostile that a stranger can bring about among them.
    pub(crate) async fn pages(&self) -> Vec<String> {
        let long = format!("http://localhost:6274/{}", "a".repeat(400));
        let hostile =
            r#""><img src="http://localhost:9/x" onerror="document.title=1"><style>*{color:red}</style>"#;
        let origin = &self.scene.sidecar.origin;
        let mut pages = vec![format!("{origin}/mcp"), format!("{origin}/oauth/authorize?client_id=nobody")];
        for (name, callback) in [
            ("a tool", self.desk.callback().as_str()),
            ("Claude", "https://claude.ai/api/mcp/auth_callback"),
            ("Cursor", "cursor://anysphere.cursor-mcp/oauth/callback"),
            (&"W".repeat(100), &long),
            (hostile, &self.desk.callback()),
        ] {
            pages.push(self.scene.sidecar.authorize(name, callback).await);
        }
        pages
    }
}

pub(crate) async fn says(window: &Window, expression: &str) -> String {
    let value = window.evaluate(expression).await.expect("it can be evaluated");
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// A page of somebody else, at an address of its own.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    pub(crate) url: String,
    _server: Upstream,
}

impl Elsewhere {
    pub(crate) async fn showing(html: &str) -> Self {
        Self::answering(answer("200 OK", "text/html", html)).await
    }

    /// With these bytes for an answer.
    pub(crate) async fn answering(raw: String) -> Self {
        let server = Upstream::start().await;
        server.script(Script::Raw(raw));
        Self { url: format!("http://{}/", server.address), _server: server }
    }
}
