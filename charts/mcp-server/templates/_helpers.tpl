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

{{- /* What the schema cannot say: values that go together, and values of a login that the server would run itself. */ -}}
{{- define "mcp-server.check" -}}
{{- $oauth := .Values.oauth -}}
{{- $native := "this version has native mode only, in which clients log in with the provider themselves" -}}
{{- if eq $oauth.mode "proxy" -}}
{{- fail (printf "oauth.mode is proxy: %s; set it to native" $native) -}}
{{- end -}}
{{- $proxy := dict "redirectURIs" $oauth.redirectURIs "oidc.clientId" $oauth.oidc.clientId "oidc.clientSecret" $oauth.oidc.clientSecret -}}
{{- range $name, $value := $proxy -}}
{{- if $value -}}
{{- fail (printf "oauth.%s is for proxy mode: %s; leave it empty" $name $native) -}}
{{- end -}}
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

{{- define "mcp-server.check-hmac" -}}
{{- if not .jwtSecret -}}
{{- fail "oauth.jwtSecret is empty: with oauth.provider hmac it must be a shared secret of at least 32 bytes, such as the output of 'openssl rand -base64 48'" -}}
{{- end -}}
{{- if or .oidc.issuer .oidc.audience -}}
{{- fail "oauth.oidc is for a provider: with oauth.provider hmac leave issuer and audience empty; the audience of a token is url" -}}
{{- end -}}
{{- end }}

{{- define "mcp-server.check-oidc" -}}
{{- if not .oidc.issuer -}}
{{- fail (printf "oauth.oidc.issuer is empty: with oauth.provider %s it must be the provider's issuer, such as https://company.okta.com" .provider) -}}
{{- end -}}
{{- if not .oidc.audience -}}
{{- fail (printf "oauth.oidc.audience is empty: with oauth.provider %s it must be the audience that the provider writes into tokens for this server, such as api://my-server" .provider) -}}
{{- end -}}
{{- if .jwtSecret -}}
{{- fail (printf "oauth.jwtSecret is for oauth.provider hmac: with oauth.provider %s leave it empty" .provider) -}}
{{- end -}}
{{- end }}
