# The commands of this repository. Everything that they build lies outside the checkout, so that a fresh clone is warm.

export MCP_OAUTH_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mcp-oauth
export CARGO_TARGET_DIR ?= $(MCP_OAUTH_CACHE)/target

# Cargo takes the packages of two checkouts for the same ones, and goes by time: after a change of checkout everything
# of ours has to look new. What others wrote stays warm.
$(shell mkdir -p "$(CARGO_TARGET_DIR)"; last="$(CARGO_TARGET_DIR)/last-checkout"; \
  [ "$$(cat "$$last" 2> /dev/null)" = "$(CURDIR)" ] || { find crds operator sidecar tests -type f -exec touch {} + ; echo "$(CURDIR)" > "$$last"; })

# Where somebody looks on, cargo shows how far it is.
define lab
@echo "building the lab, which does the rest (the first time: half a minute) …"
@cargo run $$([ -t 2 ] || echo --quiet) --package mcp-oauth-tests --bin lab -- $(1)
endef

.PHONY: help demo test check figures bench generate compatibility image cluster

help:
	@echo "make demo       show the product, step by step, in a Kubernetes of its own (needs root); CONTEXT and IMAGES: in yours"
	@echo "make test       every check and every suite, in a Kubernetes of its own (needs root); ends with how many passed"
	@echo "make check      formatting, lints and what the repository promises about itself"
	@echo "make figures    what a login costs, measured at the released program; on a quiet machine"
	@echo "make bench      the request path against HAProxy and Envoy; on a quiet machine (ARGS=--help says more)"
	@echo "make generate   write the files that are generated: crds/mcpoauthpolicies.yaml, and its copy in the chart"
	@echo "make compatibility  log every client in with every provider, and write what was seen into docs/compatibility.md"
	@echo "make image      build the images of the sidecar, the operator and the demo's MCP server"
	@echo "make cluster    bring up a Kubernetes to look around in (lab --help says how)"

demo:
	$(call lab,demo $(if $(CONTEXT),--context '$(CONTEXT)') $(if $(IMAGES),--images '$(IMAGES)'))

test:
	$(call lab,test)

check:
	$(call lab,test --only format --only clippy --only repository)

figures:
	cargo test --quiet --workspace --test figures

# Builds of test code need no optimizing: what is measured is built as it is released.
bench:
	cargo bench --quiet --workspace --profile dev --bench requests -- $(ARGS)

generate:
	cargo run --quiet --package mcp-oauth-operator -- crds > crds/mcpoauthpolicies.yaml.new
	mv crds/mcpoauthpolicies.yaml.new crds/mcpoauthpolicies.yaml
	cp crds/mcpoauthpolicies.yaml charts/mcp-oauth-operator/crds/mcpoauthpolicies.yaml

compatibility: export MCP_OAUTH_WRITE = 1
compatibility:
	$(call lab,test --only logins)

image:
	$(call lab,images)

cluster:
	$(call lab,up)
