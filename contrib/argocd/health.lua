-- Argo CD: the health of a PodDiagnoser, for resource.customizations.health.diagnostics.local.io_PodDiagnoser in argocd-cm.
--
-- Its health is whether it can do what its spec asks for. Pods that crash are told in the message and never make it, and with
-- it the application, unhealthy: the workload has a health of its own. So what shows only after a crash, such as a permission to
-- delete Pods that is missing, is in the message too.
--
-- Argo CD runs it in Lua 5.1 with the base and the table library only: there is no string library.

local status = obj.status or {}

if status.observedGeneration == nil or status.observedGeneration < (obj.metadata.generation or 0) then
  return {status = "Progressing", message = "Waiting for the operator to take over the spec."}
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type or ""] = condition
end

local function is(type, value)
  return conditions[type] ~= nil and conditions[type].status == value
end

local remediating = conditions.Remediating or {}
local action = obj.spec.remediationAction
local paused = (action == "RestartPod" or action == "EvictPod") and (obj.spec.remediation or {}).paused
local said = {}

local function say(text)
  if text ~= nil and text ~= "" then
    table.insert(said, text)
  end
end

if is("Active", "False") then
  return {status = "Suspended", message = conditions.Active.message}
end
-- Neither of the two depends on a crash.
if remediating.reason == "UnknownAction" or remediating.reason == "NotConnected" then
  return {status = "Degraded", message = remediating.message}
end

if is("CommonFactor", "True") then
  say(conditions.CommonFactor.message)
end
local last = (status.recentDiagnoses or {})[1]
if last ~= nil then
  say("Pods diagnosed: " .. (status.diagnosedPods or 1) .. ". The last: " .. (last.pod or "?") .. ", " .. (last.cause or "?") .. ".")
else
  say("No Pod crashed.")
end
if is("Complete", "False") then
  say(conditions.Complete.message)
end
if remediating.reason ~= "NoAction" and remediating.reason ~= "LoggingEvents" then
  say(remediating.message)
end

return {
  status = paused and "Suspended" or "Healthy",
  message = table.concat(said, " "),
}
