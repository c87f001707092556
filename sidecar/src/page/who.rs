//! Who asks, and where what it gets will go: the two facts by which a person decides, and how far each can be trusted.
//!
//! Pure. Meets A9 (the host is shown, loopback is warned of), I2, O01: registration is open, so a name proves nothing. What
//! can be known is the address, and whose it is.

use super::html::{Html, html};
use super::text::Shown;

/// What is known of a client's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client<'a> {
    /// Our catalogue or the policy itself has this name for an address at which only this client can receive. Never for
    /// an address on loopback or of a private scheme that came from the catalogue: anybody can receive there.
    Known(&'a str),
    /// The client gave this name when it registered.
    Claimed(&'a str),
    /// The name stands in a client id metadata document, written by whoever owns this host.
    Published { name: &'a str, host: &'a str },
}

/// Where the browser is sent back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns<'a> {
    /// Host, with a port where it has one: whoever owns it receives.
    Website(&'a str),
    /// A host whose owner hands on what it gets to wherever the client said: whoever is there receives.
    Relay { host: &'a str, of: &'a str },
    /// RFC 8252 §7.3, with its port: whichever program listens there receives.
    Loopback(&'a str),
    /// RFC 8252 §7.1, the scheme alone: whichever app has claimed it receives.
    App(&'a str),
}

impl Client<'_> {
    /// The name, in quotation marks where nobody vouches for it.
    pub(super) fn heading(self) -> Html {
        match (self, self.shown()) {
            (Self::Known(_), Some(name)) => html!("<bdi>{}</bdi>", &name),
            (_, Some(name)) => html!("“<bdi>{}</bdi>”", &name),
            (_, None) => html!("an application without a name"),
        }
    }

    fn shown(self) -> Option<Shown> {
        match self {
            Self::Known(name) | Self::Claimed(name) | Self::Published { name, .. } => Shown::new(name),
        }
    }

    /// A sentence on what the name is worth, for a client that is not known.
    fn doubt(self) -> Html {
        match (self, self.shown()) {
            (Self::Known(_), _) => Html::default(),
            (_, None) => html!("It gave no name."),
            (Self::Claimed(_), Some(name)) => {
                html!("It calls itself “<bdi>{}</bdi>”, but anyone can register under any name.", &name)
            }
            (Self::Published { host, .. }, Some(name)) => html!(
                "It says that it is “<bdi>{}</bdi>” of <bdi>{}</bdi>, but any program can say that.",
                &name,
                &Shown::host(host)
            ),
        }
    }
}

impl Returns<'_> {
    /// The address, large, whose it is, and the whole of it as it was registered (I4).
    pub(super) fn panel(self, client: Client<'_>, redirect_uri: &str) -> Html {
        let (address, whose) = match self {
            Self::Website(host) => (Shown::host(host), website(client)),
            Self::Relay { host, of } => (
                Shown::host(host),
                html!(
                    "An address of <bdi>{}</bdi>, which passes on what it gets to wherever the application said.",
                    of
                ),
            ),
            Self::Loopback(host) => (Shown::host(host), html!("A program on your own computer.")),
            Self::App(scheme) => {
                (Shown::host(&format!("{scheme}:")), html!("An app on this device that opens such links."))
            }
        };
        html!(
            r#"<section class="to" aria-labelledby="to">
<h2 id="to">Access goes to</h2>
<p class="host"><bdi>{}</bdi></p>
<p>{}</p>
<p class="small"><code>{}</code></p>
</section>"#,
            &address,
            whose,
            &Shown::ascii(redirect_uri),
        )
    }

    /// What a person should know before going on. Nothing, where we know the client and its address.
    pub(super) fn notice(self, client: Client<'_>) -> Html {
        match (self, client) {
            (Self::Website(_), Client::Known(_)) => Html::default(),
            (Self::Website(host), _) => stranger(client, &Shown::host(host)),
            (Self::Relay { .. }, Client::Known(_)) | (Self::Loopback(_), _) => local(client, "program"),
            (Self::Relay { of, .. }, _) => relayed(client, of),
            (Self::App(_), _) => local(client, "app"),
        }
    }
}

fn website(client: Client<'_>) -> Html {
    match (client, client.shown()) {
        (Client::Known(_), Some(name)) => {
            html!(r#"<span class="known">✓ Known address of <bdi>{}</bdi></span>"#, &name)
        }
        _ => html!("We do not know whose address this is."),
    }
}

/// A9, O01: whoever owns an address that we do not know receives, whatever the name.
fn stranger(client: Client<'_>, host: &Shown) -> Html {
    let doubt = match client {
        // Here the document's host is as good as the name: its owner wrote it, and need not be who the name says.
        Client::Published { host, .. } => {
            html!("Its name was written by <bdi>{}</bdi>, and nobody has checked it.", &Shown::host(host))
        }
        _ => client.doubt(),
    };
    html!(
        r#"<section class="notice stop" aria-labelledby="notice">
<h2 id="notice">We do not know this application</h2>
<p>{} If you continue, <strong><bdi>{}</bdi></strong> can use this server as you.</p>
<p>Continue only if you trust that address and started this yourself. If a link or a message brought you here, cancel.</p>
</section>"#,
        doubt,
        host
    )
}

/// A9, O01: a known address, and no proof of who asks: whatever it passes on to receives.
fn relayed(client: Client<'_>, of: &str) -> Html {
    html!(
        r#"<section class="notice stop" aria-labelledby="notice">
<h2 id="notice">Nobody can check which application this is</h2>
<p>{} If you continue, <bdi>{}</bdi> passes the answer on, and <strong>whoever gets it</strong> can use this server as you.</p>
<p>Continue only if you just started this yourself, from an application that you trust. If a link or a message brought you here,
cancel.</p>
</section>"#,
        client.doubt(),
        of
    )
}

/// A9: on this device, any program can be the one that receives.
fn local(client: Client<'_>, kind: &'static str) -> Html {
    let advice =
        html!("Continue only if you just started this yourself, from an application that you trust.");
    match client {
        Client::Known(_) => html!(
            r#"<section class="notice" aria-labelledby="notice">
<h2 id="notice">Make sure that you started this</h2>
<p>{}</p>
</section>"#,
            advice
        ),
        _ => html!(
            r#"<section class="notice warn" aria-labelledby="notice">
<h2 id="notice">Nobody can check which {} this is</h2>
<p>{} {} If a link or a message brought you here, cancel.</p>
</section>"#,
            kind,
            client.doubt(),
            advice
        ),
    }
}
