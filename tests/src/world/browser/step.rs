//! A browser's way, one step at a time: a `Navigation` is a request that any browser can make, a `Step` is one that was
//! made, with its answer. So a test can stop, look, and go on in another browser.
//!
//! Pure.

use url::Url;

use super::html;
use crate::world::client::Reply;

/// A request for a whole window, not made yet.
#[derive(Debug, Clone)]
pub(crate) struct Navigation {
    pub(super) url: Url,
    /// The fields of a form that is posted.
    pub(super) posted: Option<Vec<(String, String)>>,
    pub(super) start: Start,
    /// Where its redirects have led it so far.
    pub(super) chain: Vec<Url>,
}

/// What brought a navigation about.
#[derive(Debug, Clone)]
pub(super) enum Start {
    /// Typed into the address bar, or opened from another program.
    Nowhere,
    Page(Page),
}

/// The page that a navigation starts from, as far as the next server and the browser's rules see it.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) url: Url,
    pub(super) referrer_policy: String,
    /// The policies that its forms are bound by; none for links.
    pub(super) form_policies: Vec<String>,
    pub(super) by: By,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Person,
    Script,
}

/// A request that was made, and what came back.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) navigation: Navigation,
    pub(crate) reply: Reply,
}

/// A form of a page, being filled in.
#[derive(Debug, Clone)]
pub(crate) struct Form<'a> {
    step: &'a Step,
    form: html::Form,
}

impl Navigation {
    pub(crate) fn typed(url: &str) -> Self {
        Self { url: address(url), posted: None, start: Start::Nowhere, chain: Vec::new() }
    }

    /// A link on somebody's page that the person clicks.
    pub(crate) fn linked(page: &str, url: &str) -> Self {
        let start = Start::Page(Page::of_others(page, By::Person));
        Self { url: address(url), posted: None, start, chain: Vec::new() }
    }

    /// A form on somebody's page that submits itself.
    pub(crate) fn posted(page: &str, url: &str, fields: &[(&str, &str)]) -> Self {
        let start = Start::Page(Page::of_others(page, By::Script));
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { url: address(url), posted: Some(fields), start, chain: Vec::new() }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The value of a parameter in its query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.url.query_pairs();
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// The same request with this value of a field that is posted.
    pub(crate) fn with_field(mut self, name: &str, value: &str) -> Self {
        let fields = self.posted.get_or_insert_default();
        fields.retain(|(known, _)| known != name);
        fields.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Page {
    fn of_others(url: &str, by: By) -> Self {
        let (referrer_policy, form_policies) = (String::new(), Vec::new());
        Self { url: address(url), referrer_policy, form_policies, by }
    }
}

impl Step {
    /// Where a redirect leads.
    pub(crate) fn next(&self) -> Option<Navigation> {
        let location = self.reply.header("location")?;
        if !matches!(self.reply.status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let mut next = self.navigation.clone();
        let fragment = self.navigation.url.fragment().map(ToOwned::to_owned);
        next.url = self.navigation.url.join(location).ok()?;
        if next.url.fragment().is_none() {
            next.url.set_fragment(fragment.as_deref());
        }
        next.chain.push(self.navigation.url.clone());
        // Fetch §4.4, 12: a POST stays one only behind 307 and 308.
        if !matches!(self.reply.status, 307 | 308) {
            next.posted = None;
        }
        Some(next)
    }

    /// Whether this is a redirect to an address that begins like this.
    pub(crate) fn leads_to(&self, prefix: &str) -> bool {
        self.next().is_some_and(|next| next.url.as_str().starts_with(prefix))
    }

    /// The person clicks on a link of this page.
    pub(crate) fn click(&self, url: &str) -> Navigation {
        let url = self.navigation.url.join(url).expect("the link is an address");
        let start = Start::Page(self.page(Vec::new()));
        Navigation { url, posted: None, start, chain: Vec::new() }
    }

    /// The form of this page that has this id, or a field or button of this name.
    pub(crate) fn form(&self, of: &str) -> Form<'_> {
        let page = || format!("{of} at {}: {}", self.navigation.url, self.reply.text());
        self.find_form(of).ok_or_else(page).expect("the page has this form")
    }

    /// The same, where the page may have no such form.
    pub(crate) fn find_form(&self, of: &str) -> Option<Form<'_>> {
        let all = html::forms(&self.reply.text());
        let has = |form: &&html::Form| {
            form.id.as_deref() == Some(of)
                || form.fields.iter().any(|field| field.name == of)
                || form.buttons.iter().any(|button| button.name.as_deref() == Some(of))
        };
        all.iter().find(has).map(|form| Form { step: self, form: form.clone() })
    }

    fn page(&self, form_policies: Vec<String>) -> Page {
        let header = || self.reply.header("referrer-policy").unwrap_or_default().to_owned();
        let referrer_policy = html::referrer_policy(&self.reply.text()).unwrap_or_else(header);
        Page { url: self.navigation.url.clone(), referrer_policy, form_policies, by: By::Person }
    }
}

impl Form<'_> {
    /// What a field holds.
    pub(crate) fn value(&self, name: &str) -> &str {
        let field = self.form.fields.iter().find(|field| field.name == name);
        &field.ok_or_else(|| format!("{name} in {:?}", self.form)).expect("the form has this field").value
    }

    pub(crate) fn fill(mut self, name: &str, value: &str) -> Self {
        value.clone_into(&mut self.field(name).value);
        self
    }

    /// Ticks a box.
    pub(crate) fn tick(mut self, name: &str) -> Self {
        self.field(name).sent = true;
        self
    }

    /// Presses the button that has this value, this text or this name, and so submits the form.
    pub(crate) fn press(self, which: &str) -> Navigation {
        let is_it = |button: &&html::Button| {
            button.value == which || button.text == which || button.name.as_deref() == Some(which)
        };
        let button = self.form.buttons.iter().find(is_it).cloned();
        let button =
            button.ok_or_else(|| format!("{which} in {:?}", self.form)).expect("the form has this button");
        let sent = self.form.fields.iter().filter(|field| field.sent);
        let mut fields: Vec<_> = sent.map(|field| (field.name.clone(), field.value.clone())).collect();
        fields.extend(button.name.map(|name| (name, button.value)));
        self.submitted(fields)
    }

    fn field(&mut self, name: &str) -> &mut html::Field {
        let form = format!("{name} in {:?}", self.form);
        let field = self.form.fields.iter_mut().find(|field| field.name == name);
        field.ok_or(form).expect("the form has this field")
    }

    fn submitted(&self, fields: Vec<(String, String)>) -> Navigation {
        let mut url =
            self.step.navigation.url.join(&self.form.action).expect("the form's action is an address");
        let named =
            |(name, value): &(String, String)| (name == "content-security-policy").then(|| value.clone());
        let policies = self.step.reply.headers.iter().filter_map(named).collect();
        let start = Start::Page(self.step.page(policies));
        if self.form.posts {
            return Navigation { url, posted: Some(fields), start, chain: Vec::new() };
        }
        // HTML §4.10.22.3, "mutate action URL": the query is replaced.
        url.query_pairs_mut().clear().extend_pairs(fields);
        Navigation { url, posted: None, start, chain: Vec::new() }
    }
}

fn address(url: &str) -> Url {
    Url::parse(url).expect("the suites write addresses")
}
