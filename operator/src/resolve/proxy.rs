//! Proxy mode: how clients log in through the sidecar, and it with the provider.
//!
//! Pure. What the policy does not say is the provider's preset, or the safest there is: our own callback, consent each time.
//! Meets O14 (our tokens are for this resource alone), I2 (what we ask the provider is ours to say), D17.

use std::collections::{BTreeMap, BTreeSet};

use crds::Broken;
use crds::names::{Audience, RefreshLifetime, ResourceUrl, StoreUrl, TokenLifetime};
use crds::network::Network;
use crds::policy::Trust;
use crds::proxy::{
    ClientSecret, Clients, FixedClient, FixedClientId, FixedProof, FixedSecret, Keys, KeysUrl, Lifetimes,
    Login, LoginEndpoints, ParameterName, ProviderClientId, ProviderScope, Proxy, PublicKeys, Store,
    StoreUser, Switch, own_callback,
};
use crds::redirect::{RedirectUri, Redirects};
use crds::resource::{
    ClientSettings, McpOAuthPolicySpec, ONE_PROOF, Oidc, ProxySettings, StaticClient, StoreSettings,
};
use crds::violation::Collector;

use super::given::Given;
use super::native::{endpoint, issuer};

/// What a reference did not lead to, which is noted: another thing than no reference.
struct Missing;

/// Tokens of our own, for this resource (O14).
pub(super) fn trust(resource: Option<&ResourceUrl>) -> Option<Trust> {
    let audience = Audience::parse(resource?.as_str()).ok()?;
    Some(Trust { oidc: None, hmac: Vec::new(), audiences: vec![audience] })
}

pub(super) fn proxy(
    spec: &McpOAuthPolicySpec,
    resource: Option<&ResourceUrl>,
    keys: Option<&Keys>,
    fields: &mut Collector,
    given: &mut Given<'_>,
) -> Option<Proxy> {
    let settings = spec.proxy.clone().unwrap_or_default();
    let login = spec.oidc.as_ref().and_then(|oidc| login(spec, oidc, fields, given));
    let redirects = redirects(&settings, resource, fields);
    let clients = clients(&settings.clients.clone().unwrap_or_default(), fields, given);
    let networks = &settings.allow_networks;
    let allow_networks = fields.take_each("spec.proxy.allowNetworks", networks, Network::parse);
    let lifetimes = lifetimes(&settings, fields);
    let store =
        settings.store.as_ref().map(|store| self::store(store, fields, given).ok_or(Missing)).transpose();
    // What is wrong with it was said with the fields.
    resource.filter(|resource| resource.keeps_cookies())?;
    // Without keys the rest is checked all the same, and goes nowhere.
    let keys = keys.cloned().unwrap_or(Keys { seal: Vec::new(), sign: Vec::new() });
    Some(Proxy {
        login: login?,
        redirects: redirects?,
        clients,
        consent: settings.consent,
        allow_networks,
        lifetimes,
        keys,
        store: store.ok()?,
    })
}

fn login(
    spec: &McpOAuthPolicySpec,
    oidc: &Oidc,
    fields: &mut Collector,
    given: &mut Given<'_>,
) -> Option<Login> {
    let issuer = issuer(oidc, spec.provider, fields);
    let client_id = oidc.client_id.as_ref();
    let client_id = client_id.and_then(|id| fields.take("spec.oidc.clientId", ProviderClientId::parse(id)));
    let secret = oidc.client_secret_ref.as_ref();
    let client_secret = secret
        .map(|reference| given.take("spec.oidc.clientSecretRef", reference, client_secret).ok_or(Missing))
        .transpose();
    let bundle = oidc.ca_bundle_ref.as_ref();
    let ca_bundle = bundle
        .map(|reference| given.ca_bundle("spec.oidc.caBundleRef", reference).ok_or(Missing))
        .transpose();
    let preset = spec.provider.login();
    let written = fields.take_each("spec.oidc.scopes", &oidc.scopes, ProviderScope::parse);
    let scopes = if oidc.scopes.is_empty() { preset.scopes() } else { written };
    let mut extra_params = preset.extra_params();
    extra_params.extend(self::extra_params(oidc, fields));
    let endpoints = oidc.endpoints.clone().unwrap_or_default();
    let endpoints = LoginEndpoints {
        authorization: endpoint("authorization", endpoints.authorization.as_ref(), fields),
        token: endpoint("token", endpoints.token.as_ref(), fields),
        revocation: endpoint("revocation", endpoints.revocation.as_ref(), fields),
        jwks: endpoint("jwks", endpoints.jwks.as_ref(), fields),
    };
    Some(Login {
        provider: spec.provider,
        issuer: issuer?,
        client_id: client_id?,
        client_secret: client_secret.ok()?,
        scopes,
        extra_params,
        endpoints,
        ca_bundle: ca_bundle.ok()?,
    })
}

fn extra_params(oidc: &Oidc, fields: &mut Collector) -> BTreeMap<ParameterName, String> {
    let each = oidc.extra_params.iter().filter_map(|(name, value)| {
        let path = format!("spec.oidc.extraParams.{name}");
        fields.take(&path, ParameterName::parse(name)).map(|name| (name, value.clone()))
    });
    each.collect()
}

fn redirects(
    settings: &ProxySettings,
    resource: Option<&ResourceUrl>,
    fields: &mut Collector,
) -> Option<Redirects> {
    let (path, written) = ("spec.proxy.redirectURIs", &settings.redirect_uris);
    if written.is_empty() {
        let resource = resource.filter(|resource| resource.keeps_cookies());
        return fields.take("spec.server.url", own_callback(resource?));
    }
    let uris = fields.take_each(path, written, RedirectUri::parse);
    // A list that lost one is another list: one callback, perhaps.
    (uris.len() == written.len()).then(|| fields.take(path, Redirects::new(uris))).flatten()
}

fn clients(settings: &ClientSettings, fields: &mut Collector, given: &mut Given<'_>) -> Clients {
    let switch = |on| if on { Switch::On } else { Switch::Off };
    let mut fixed = Vec::new();
    let mut ids = BTreeSet::new();
    for (index, client) in settings.fixed.iter().enumerate() {
        let path = format!("spec.proxy.clients.static[{index}]");
        if !ids.insert(&client.id) {
            fields.report(format!("{path}.id"), "must not be the id of another client as well");
        }
        fixed.extend(fixed_client(&path, client, fields, given));
    }
    Clients {
        dynamic: switch(settings.dynamic),
        metadata_documents: switch(settings.metadata_documents),
        fixed,
    }
}

fn fixed_client(
    path: &str,
    client: &StaticClient,
    fields: &mut Collector,
    given: &mut Given<'_>,
) -> Option<FixedClient> {
    let id = fields.take(&format!("{path}.id"), FixedClientId::parse(&client.id));
    let proof = proof(path, client, fields, given);
    if client.redirect_uris.is_empty() {
        fields.report(format!("{path}.redirectURIs"), "must name at least one URI");
    }
    let uris = &client.redirect_uris;
    let redirect_uris = fields.take_each(&format!("{path}.redirectURIs"), uris, RedirectUri::parse);
    Some(FixedClient { id: id?, proof: proof?, redirect_uris })
}

/// What the client shows. `None` is noted: another thing than a client that shows nothing.
fn proof(
    path: &str,
    client: &StaticClient,
    fields: &mut Collector,
    given: &mut Given<'_>,
) -> Option<FixedProof> {
    if !client.has_one_proof() {
        fields.report(path, ONE_PROOF);
        return None;
    }
    if let Some(reference) = &client.secret_ref {
        return given.take(&format!("{path}.secretRef"), reference, fixed_secret).map(FixedProof::Secret);
    }
    if let Some(text) = &client.jwks {
        return fields.take(&format!("{path}.jwks"), PublicKeys::parse(text)).map(FixedProof::Keys);
    }
    match &client.jwks_uri {
        Some(url) => fields.take(&format!("{path}.jwksUri"), KeysUrl::parse(url)).map(FixedProof::KeysAt),
        None => Some(FixedProof::Public),
    }
}

fn lifetimes(settings: &ProxySettings, fields: &mut Collector) -> Lifetimes {
    let preset = Lifetimes::default();
    let access = settings.token_lifetime.as_ref();
    let access = access.and_then(|text| fields.take("spec.proxy.tokenLifetime", TokenLifetime::parse(text)));
    let refresh = settings.refresh_lifetime.as_ref();
    let refresh =
        refresh.and_then(|text| fields.take("spec.proxy.refreshLifetime", RefreshLifetime::parse(text)));
    Lifetimes {
        access: access.map_or(preset.access, TokenLifetime::seconds),
        refresh: refresh.map_or(preset.refresh, RefreshLifetime::seconds),
    }
}

fn store(settings: &StoreSettings, fields: &mut Collector, given: &mut Given<'_>) -> Option<Store> {
    let StoreSettings { url, username, password_ref, ca_bundle_ref } = settings;
    let url = fields.take("spec.proxy.store.url", StoreUrl::parse(url));
    let username = username.as_ref();
    let username = username
        .map(|name| fields.take("spec.proxy.store.username", StoreUser::parse(name)).ok_or(Missing))
        .transpose();
    let (path, reference) = ("spec.proxy.store.passwordRef", password_ref.as_ref());
    let password =
        reference.map(|reference| given.take(path, reference, client_secret).ok_or(Missing)).transpose();
    let (path, reference) = ("spec.proxy.store.caBundleRef", ca_bundle_ref.as_ref());
    let ca_bundle = reference.map(|reference| given.ca_bundle(path, reference).ok_or(Missing)).transpose();
    Some(Store { url: url?, username: username.ok()?, password: password.ok()?, ca_bundle: ca_bundle.ok()? })
}

fn client_secret(bytes: &[u8]) -> Result<ClientSecret, Broken> {
    ClientSecret::parse(text(bytes))
}

fn fixed_secret(bytes: &[u8]) -> Result<FixedSecret, Broken> {
    FixedSecret::parse(text(bytes))
}

/// What is no text has characters that are not visible.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("\0")
}
