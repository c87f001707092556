{{- define "mcp-server.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "mcp-server.selector" -}}
app.kubernetes.io/name: mcp-server
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mcp-server.labels" -}}
{{ include "mcp-server.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* As a list: users write them with commas or white space between them. */ -}}
{{- define "mcp-server.redirect-uris" -}}
{{- $uris := list -}}
{{- range regexSplit "[,\\s]+" .Values.oauth.redirectURIs -1 -}}
{{- if . -}}
{{- $uris = append $uris . -}}
{{- end -}}
{{- end -}}
{{- toJson $uris -}}
{{- end }}

{{- /* Where the provider sends people back to, in proxy mode. */ -}}
{{- define "mcp-server.callback" -}}
{{- $uris := include "mcp-server.redirect-uris" . | fromJsonArray -}}
{{- $url := urlParse .Values.url -}}
{{- $origin := printf "%s://%s/" $url.scheme $url.host -}}
{{- $own := printf "%soauth/callback" $origin -}}
{{- range $uris -}}
{{- if or (eq (len $uris) 1) (and (hasPrefix $origin .) (hasSuffix "/oauth/callback" .) (not (contains "?" .))) -}}
{{- $own = . -}}
{{- end -}}
{{- end -}}
{{- $own -}}
{{- end }}

{{- /* What the schema cannot say: values that go together. A value that would do nothing is refused, but for an audience in proxy
       mode: values for both modes carry one, and there every token is for url alone. */ -}}
{{- define "mcp-server.check" -}}
{{- $oauth := .Values.oauth -}}
{{- if ne $oauth.mode "proxy" -}}
{{- include "mcp-server.check-native" $oauth -}}
{{- end -}}
{{- if $oauth.enabled -}}
{{- if not .Values.url -}}
{{- fail "url is empty: with oauth.enabled it must be the public URL of the MCP endpoint, such as https://mcp.example.com/mcp" -}}
{{- end -}}
{{- if eq $oauth.provider "hmac" -}}
{{- include "mcp-server.check-hmac" $oauth -}}
{{- else -}}
{{- include "mcp-server.check-oidc" $oauth -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "mcp-server.check-native" -}}
{{- $proxy := dict "redirectURIs" .redirectURIs "oidc.clientId" .oidc.clientId "oidc.clientSecret" .oidc.clientSecret "oidc.existingSecret" .oidc.existingSecret -}}
{{- range $name, $value := $proxy -}}
{{- if $value -}}
{{- fail (printf "oauth.%s is for logins through the sidecar: set oauth.mode to proxy, or leave it empty" $name) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "mcp-server.check-hmac" -}}
{{- if eq .mode "proxy" -}}
{{- fail "oauth.mode is proxy: with oauth.provider hmac it must be native, for nobody logs in with a shared secret" -}}
{{- end -}}
{{- if not .jwtSecret -}}
{{- fail "oauth.jwtSecret is empty: with oauth.provider hmac it must be a shared secret of at least 32 bytes, such as the output of 'openssl rand -base64 48'" -}}
{{- end -}}
{{- if or .oidc.issuer .oidc.audience -}}
{{- fail "oauth.oidc is for a provider: with oauth.provider hmac leave issuer and audience empty; the audience of a token is url" -}}
{{- end -}}
{{- end }}

{{- define "mcp-server.check-oidc" -}}
{{- $everywhere := list "google" "github" -}}
{{- if and (not .oidc.issuer) (not (has .provider $everywhere)) -}}
{{- fail (printf "oauth.oidc.issuer is empty: with oauth.provider %s it must be the provider's issuer, such as https://company.okta.com" .provider) -}}
{{- end -}}
{{- if .jwtSecret -}}
{{- fail (printf "oauth.jwtSecret is for oauth.provider hmac: with oauth.provider %s leave it empty" .provider) -}}
{{- end -}}
{{- if eq .mode "proxy" -}}
{{- include "mcp-server.check-login" . -}}
{{- else -}}
{{- if eq .provider "github" -}}
{{- fail "oauth.provider is github: set oauth.mode to proxy, for its tokens name no audience" -}}
{{- end -}}
{{- if not .oidc.audience -}}
{{- fail (printf "oauth.oidc.audience is empty: with oauth.provider %s it must be the audience that the provider writes into tokens for this server, such as api://my-server" .provider) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "mcp-server.check-login" -}}
{{- if not .oidc.clientId -}}
{{- fail "oauth.oidc.clientId is empty: with oauth.mode proxy it must be the id by which the provider knows the sidecar" -}}
{{- end -}}
{{- if and .oidc.clientSecret .oidc.existingSecret -}}
{{- fail "oauth.oidc.clientSecret and oauth.oidc.existingSecret are two secrets: leave one of them empty" -}}
{{- end -}}
{{- if and (eq .provider "github") (not .oidc.clientSecret) (not .oidc.existingSecret) -}}
{{- fail "oauth.oidc.clientSecret is empty: oauth.provider github gives no token without one" -}}
{{- end -}}
{{- end }}
