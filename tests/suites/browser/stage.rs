//! A person at a browser, between the sidecar and the program on their own machine that wants to use it.
//!
//! Starts Chromium, and listens on loopback.

use harness::counterparts::chromium::{self, Chromium, View, Window};
use harness::lab::Environment;
use url::Url;

use crate::scene::{Scene, paths, progress};
use crate::world::upstream::{Script, Upstream, answer};

/// A sidecar, a browser, and the program on this machine that asks.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    chromium: Chromium,
    client: Upstream,
}

impl Stage {
    /// None where there is no Chromium, and none is required.
    pub(crate) async fn set() -> Option<Self> {
        let program = chromium::find_or_skip(&Environment::of_process()).expect("Chromium is installed")?;
        let chromium = Chromium::start(&program, &paths(), progress()).await.expect("Chromium starts");
        Some(Self { scene: Scene::set().await, chromium, client: Upstream::start().await })
    }

    pub(crate) async fn window(&self, view: View) -> Window {
        self.chromium.window(view).await.expect("a window")
    }

    pub(crate) fn callback(&self) -> String {
        format!("http://{}/callback", self.client.address)
    }

    pub(crate) async fn authorize(&self) -> String {
        self.scene.authorize("a tool", &self.callback()).await
    }

    /// What the client was sent, once the browser is there.
    pub(crate) async fn sent(&self, window: &Window, name: &str) -> Option<String> {
        let address = window.arrive(&self.callback()).await.expect("the browser comes back to the client");
        let address = Url::parse(&address).expect("an address");
        let mut pairs = address.query_pairs();
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// One page of every kind, the longest and the most hostile that a stranger can bring about among them.
    pub(crate) async fn pages(&self) -> Vec<String> {
        let long = format!("http://localhost:6274/{}", "a".repeat(400));
        let hostile =
            r#""><img src="http://localhost:9/x" onerror="document.title=1"><style>*{color:red}</style>"#;
        let mut pages = vec![format!("{}/oauth/authorize?client_id=nobody", self.scene.sidecar.origin)];
        for (name, callback) in [
            ("a tool", self.callback().as_str()),
            ("Claude", "https://claude.ai/api/mcp/auth_callback"),
            ("Cursor", "cursor://anysphere.cursor-mcp/oauth/callback"),
            (&"W".repeat(100), &long),
            (hostile, &self.callback()),
        ] {
            pages.push(self.scene.authorize(name, callback).await);
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
