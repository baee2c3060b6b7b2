{{/* Labels of every object. The name and part-of are those by which kustomize's objects are selected too. */}}
{{- define "pod-diagnoser.labels" -}}
app.kubernetes.io/name: pod-diagnoser
app.kubernetes.io/part-of: pod-diagnoser
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels of a Pod's template: none that changes with the chart's version. Takes root and component. */}}
{{- define "pod-diagnoser.podLabels" -}}
{{- with .root.Values.podLabels }}
{{- toYaml . }}
{{ end -}}
app.kubernetes.io/name: pod-diagnoser
app.kubernetes.io/part-of: pod-diagnoser
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/*
An object as a copied file has it (make chart), with our labels, in the release's namespace. Takes root, path, and maybe
annotations.
*/}}
{{- define "pod-diagnoser.copied" -}}
{{- $object := .root.Files.Get .path | replace "pod-diagnoser-system" .root.Release.Namespace | fromYaml -}}
{{- $metadata := dict "labels" (include "pod-diagnoser.labels" .root | fromYaml) -}}
{{- with .annotations -}}
{{- $_ := set $metadata "annotations" . -}}
{{- end -}}
{{- mergeOverwrite $object (dict "metadata" $metadata) | toYaml -}}
{{- end }}

{{/* The reference of an image. Takes image and tag. */}}
{{- define "pod-diagnoser.reference" -}}
{{- with .image.registry }}{{ . }}/{{ end -}}
{{ .image.repository }}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default .tag }}{{ end -}}
{{- end }}

{{- define "pod-diagnoser.image" -}}
{{- include "pod-diagnoser.reference" (dict "image" .Values.image "tag" .Chart.AppVersion) -}}
{{- end }}

{{- define "pod-diagnoser.together" -}}
{{- if eq .Values.mode "together" }}true{{ end -}}
{{- end }}

{{/* The ServiceAccount of a component. Takes root and component. */}}
{{- define "pod-diagnoser.account" -}}
{{- if include "pod-diagnoser.together" .root }}pod-diagnoser{{ else }}pod-diagnoser-{{ .component }}{{ end -}}
{{- end }}

{{- define "pod-diagnoser.tokenSecret" -}}
{{- .Values.credentials.token.existingSecret | default "pod-diagnoser-token" -}}
{{- end }}

{{- define "pod-diagnoser.tlsSecret" -}}
{{- if .Values.credentials.certManager.enabled -}}
pod-diagnoser-certificate
{{- else -}}
{{- .Values.credentials.tls.existingSecret | default "pod-diagnoser-tls" -}}
{{- end -}}
{{- end }}

{{/* A binding of a ClusterRole. Takes root, name and component. */}}
{{- define "pod-diagnoser.clusterRoleBinding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ .name }}
  labels:
    {{- include "pod-diagnoser.labels" .root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "pod-diagnoser.account" . }}
    namespace: {{ .root.Release.Namespace }}
{{- end }}

{{/* Where Pods run. Takes root, and component unless replicas are not to be spread. */}}
{{- define "pod-diagnoser.scheduling" -}}
{{- $values := .root.Values -}}
{{- with $values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if .component }}
{{- if kindIs "invalid" $values.topologySpreadConstraints }}
topologySpreadConstraints:
  - topologyKey: kubernetes.io/hostname
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        app.kubernetes.io/name: pod-diagnoser
        app.kubernetes.io/component: {{ .component }}
    matchLabelKeys: [pod-template-hash]
{{- else if $values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml $values.topologySpreadConstraints | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "pod-diagnoser.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The probes of a hook. Takes port and delay. */}}
{{- define "pod-diagnoser.probes" -}}
startupProbe:
  {{- with .delay }}
  initialDelaySeconds: {{ . }}
  {{- end }}
  httpGet:
    path: /healthz
    port: {{ .port }}
  periodSeconds: 1
  timeoutSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet:
    path: /healthz
    port: {{ .port }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet:
    path: /readyz
    port: {{ .port }}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}

{{/* Environment variables by which a hook reads evidence. Takes root and component. */}}
{{- define "pod-diagnoser.evidenceEnv" -}}
{{- $evidence := .root.Values.evidence -}}
{{- if and $evidence.enabled (eq .component "pods") }}
- name: POD_DIAGNOSER_EVIDENCE
  value: "true"
{{- if $evidence.changes }}
- name: POD_DIAGNOSER_EVIDENCE_CHANGES
  value: "true"
{{- end }}
{{- end }}
{{- with .root.Values.hooks.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The way to the API server, for an egress rule. */}}
{{- define "pod-diagnoser.toApiServer" -}}
- ports:
    {{- range .Values.networkPolicy.apiServerPorts }}
    - protocol: TCP
      port: {{ . }}
    {{- end }}
  {{- with .Values.networkPolicy.apiServerCIDRs }}
  to:
    {{- range . }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  {{- end }}
{{- end }}

{{/* What does not go together, said before anything is installed. */}}
{{- define "pod-diagnoser.validate" -}}
{{- $values := .Values -}}
{{- if and (or $values.evidence.logs $values.evidence.changes) (not $values.evidence.enabled) -}}
{{- fail "evidence.logs and evidence.changes need evidence.enabled" -}}
{{- end -}}
{{- if and $values.credentials.certManager.enabled $values.credentials.tls.existingSecret -}}
{{- fail "credentials.certManager.enabled and credentials.tls.existingSecret exclude each other" -}}
{{- end -}}
{{- if and $values.prometheusRule.enabled (not $values.stateMetrics.enabled) -}}
{{- fail "prometheusRule.enabled needs stateMetrics.enabled: the alerts of workloads are about its metrics" -}}
{{- end -}}
{{- if and $values.clusterPodDiagnoser.create (not $values.clusterPodDiagnoser.enabled) -}}
{{- fail "clusterPodDiagnoser.create needs clusterPodDiagnoser.enabled" -}}
{{- end -}}
{{- end }}

{{/* Annotations of what Helm creates for a Job of ours and deletes afterwards. Takes when and weight. */}}
{{- define "pod-diagnoser.hook" -}}
helm.sh/hook: {{ .when }}
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{/* Labels of a Job's Pod. Takes root and component. */}}
{{- define "pod-diagnoser.jobLabels" -}}
app.kubernetes.io/name: pod-diagnoser-{{ .component }}
app.kubernetes.io/part-of: pod-diagnoser
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* The identity of a Job and its way to the API server. Takes root, component and when. */}}
{{- define "pod-diagnoser.jobAccount" -}}
{{- $root := .root -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: pod-diagnoser-{{ .component }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "pod-diagnoser.labels" $root | nindent 4 }}
  annotations:
    {{- include "pod-diagnoser.hook" (dict "when" .when "weight" -10) | nindent 4 }}
automountServiceAccountToken: false
{{- if $root.Values.networkPolicy.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: pod-diagnoser-{{ .component }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "pod-diagnoser.labels" $root | nindent 4 }}
  annotations:
    {{- include "pod-diagnoser.hook" (dict "when" .when "weight" -10) | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: pod-diagnoser-{{ .component }}
  policyTypes: [Ingress, Egress]
  egress:
    {{- include "pod-diagnoser.toApiServer" $root | nindent 4 }}
{{- end }}
{{- end }}

{{/* The spec of a Job's Pod. Takes root, component, args, and maybe the name of a ConfigMap, objects. */}}
{{- define "pod-diagnoser.jobPod" -}}
{{- $root := .root -}}
serviceAccountName: pod-diagnoser-{{ .component }}
automountServiceAccountToken: true
enableServiceLinks: false
restartPolicy: Never
securityContext:
  {{- toYaml $root.Values.podSecurityContext | nindent 2 }}
{{- with include "pod-diagnoser.scheduling" (dict "root" $root) | trim }}
{{ . }}
{{- end }}
containers:
  - name: {{ .component }}
    image: {{ include "pod-diagnoser.image" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: [pod-diagnoser]
    args: {{ toJson .args }}
    resources:
      requests:
        cpu: 50m
        memory: 64Mi
      limits:
        memory: 256Mi
    securityContext:
      {{- include "pod-diagnoser.containerSecurity" $root | nindent 6 }}
    {{- if .objects }}
    volumeMounts:
      - name: objects
        mountPath: /etc/pod-diagnoser/check
        readOnly: true
    {{- end }}
{{- if .objects }}
volumes:
  - name: objects
    configMap:
      name: {{ .objects }}
{{- end }}
{{- end }}

{{/*
Annotations of what Helm creates last when it installs, and what is an object of the release afterwards: the names of the
release have an upgrade, for which it is no hook, take it over. Takes root and weight.
*/}}
{{- define "pod-diagnoser.createdLast" -}}
helm.sh/hook: post-install
helm.sh/hook-weight: {{ .weight | toString | quote }}
helm.sh/hook-delete-policy: before-hook-creation
meta.helm.sh/release-name: {{ .root.Release.Name }}
meta.helm.sh/release-namespace: {{ .root.Release.Namespace }}
{{- end }}
