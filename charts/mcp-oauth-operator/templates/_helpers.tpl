{{- define "mcp-oauth.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}-operator
{{- end }}

{{- define "mcp-oauth.labels" -}}
app.kubernetes.io/name: mcp-oauth-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "mcp-oauth.selector" -}}
app.kubernetes.io/name: mcp-oauth-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* An image by digest where there is one, else by tag, else by the chart's own version. */ -}}
{{- define "mcp-oauth.image" -}}
{{- $image := index . 0 -}}
{{- if not $image.repository -}}
{{- fail "set image.repository and sidecarImage.repository to where your cluster finds the two images ('make image' builds them)" -}}
{{- end -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default (index . 1) }}
{{- end -}}
{{- end }}
