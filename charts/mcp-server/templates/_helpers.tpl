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

{{- /* What the schema cannot say: values that go together. */ -}}
{{- define "mcp-server.check" -}}
{{- if .Values.oauth.enabled -}}
{{- if not .Values.url -}}
{{- fail "url is empty: with oauth.enabled it must be the public URL of the MCP endpoint, such as https://mcp.example.com/mcp" -}}
{{- end -}}
{{- if eq .Values.oauth.provider "hmac" -}}
{{- if not .Values.oauth.jwtSecret -}}
{{- fail "oauth.jwtSecret is empty: with oauth.provider hmac it must be a shared secret of at least 32 bytes, such as the output of 'openssl rand -base64 48'" -}}
{{- end -}}
{{- else -}}
{{- if not .Values.oauth.oidc.issuer -}}
{{- fail (printf "oauth.oidc.issuer is empty: with oauth.provider %s it must be the provider's issuer, such as https://company.okta.com" .Values.oauth.provider) -}}
{{- end -}}
{{- if not .Values.oauth.oidc.audience -}}
{{- fail (printf "oauth.oidc.audience is empty: with oauth.provider %s it must be the audience that the provider writes into tokens for this server, such as api://my-server" .Values.oauth.provider) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
