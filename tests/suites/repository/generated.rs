//! Generated files are what the generator writes today. Reads the checkout.

use crate::checkout::read;

const DEFINITION: &str = "crds/mcpoauthpolicies.yaml";
const COPY: &str = "charts/mcp-oauth-operator/crds/mcpoauthpolicies.yaml";

#[test]
fn the_definition_is_the_one_that_the_types_give() {
    let written = read(DEFINITION);
    let generated = crds::resource::crd_yaml();
    assert!(written == generated, "\"{DEFINITION}\" is out of date: run `make generate`");
}

#[test]
fn the_chart_installs_the_same_definition() {
    assert!(read(COPY) == read(DEFINITION), "\"{COPY}\" differs from \"{DEFINITION}\": run `make generate`");
}
