{{- /* Names and labels that all objects of the chart share. */ -}}
{{- define "sluice.name" -}}
{{- if contains "sluice" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-sluice" (.Release.Name | trunc 43 | trimSuffix "-") }}{{ end -}}
{{- end }}

{{- define "sluice.account" -}}
{{- .Values.serviceAccount.name | default (include "sluice.name" .) -}}
{{- end }}

{{- define "sluice.watched" -}}
{{- .Values.scope.namespace | default .Release.Namespace -}}
{{- end }}

{{- define "sluice.selector" -}}
app.kubernetes.io/name: sluice
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sluice.labels" -}}
{{ include "sluice.selector" . }}
app.kubernetes.io/component: controller
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* Of what concerns people, not the account of the controller. */ -}}
{{- define "sluice.peopleLabels" -}}
{{ include "sluice.labels" . | replace "component: controller" "component: people" }}
{{- end }}

{{- define "sluice.policy" -}}
{{- printf "%s-%s-commands" .Release.Namespace (include "sluice.name" .) -}}
{{- end }}

{{- define "sluice.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- /* What the controller does, verb by verb. The end-to-end suite compares this with what it did. */ -}}
{{- define "sluice.rules" -}}
- apiGroups: [sluice.dev]
  resources: [rollouts]
  verbs: [list, watch, create, patch]
- apiGroups: [sluice.dev]
  resources: [rollouts/status]
  verbs: [update, patch]
- apiGroups: [sluice.dev]
  resources: [analysistemplates]
  verbs: [list, watch, create, patch]
{{- if .Values.scope.clusterWide }}
- apiGroups: [sluice.dev]
  resources: [clusteranalysistemplates]
  verbs: [list, watch]
{{- end }}
{{- if .Values.analysis.jobs }}
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, create]
{{- end }}
- apiGroups: [sluice.dev]
  resources: [gitsources]
  verbs: [list, watch]
- apiGroups: [sluice.dev]
  resources: [gitsources/status]
  verbs: [patch]
- apiGroups: [sluice.dev]
  resources: [notifications]
  verbs: [list, watch]
- apiGroups: [sluice.dev]
  resources: [notifications/status]
  verbs: [patch]
{{- if .Values.webhooks.enabled }}
- apiGroups: [sluice.dev]
  resources: [gitsources]
  verbs: [patch]
{{- end }}
{{- with concat .Values.git.secrets .Values.notifications.secrets .Values.analysis.secrets }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ toJson . }}
  verbs: [get]
{{- end }}
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [get, list, watch, create, update, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.workloads.configMaps }}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch]
{{- end }}
{{- if .Values.workloads.secrets }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch]
{{- end }}
{{- if .Values.workloads.deployments }}
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, patch]
{{- end }}
{{- if and .Values.workloads.deployments .Values.mesh.istio }}
- apiGroups: [networking.istio.io]
  resources: [virtualservices]
  verbs: [delete]
{{- end }}
{{- if and .Values.workloads.deployments .Values.mesh.gatewayApi }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, grpcroutes]
  verbs: [delete]
{{- end }}
{{- if .Values.workloads.evictions }}
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
{{- end }}
{{- if .Values.mesh.istio }}
- apiGroups: [networking.istio.io]
  resources: [virtualservices, destinationrules]
  verbs: [get, list, watch, create, update]
{{- end }}
{{- if and .Values.mesh.istio .Values.mesh.inPlace }}
- apiGroups: [networking.istio.io]
  resources: [virtualservices]
  verbs: [patch]
{{- end }}
{{- if .Values.mesh.gatewayApi }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, grpcroutes]
  verbs: [get, list, watch, create, update]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, update, delete]
{{- end }}
{{- if and .Values.mesh.gatewayApi .Values.mesh.inPlace }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, grpcroutes]
  verbs: [patch]
{{- end }}
{{- if .Values.mesh.preview }}
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, update]
{{- end }}
{{- if .Values.mesh.service }}
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, patch]
{{- end }}
{{- end }}
