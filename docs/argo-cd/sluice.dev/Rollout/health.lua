-- Health of a Rollout of Sluice, from its conditions and its phase.
local hs = { status = "Progressing", message = "the controller has not looked at it yet" }
local status = obj.status
if status == nil or status.conditions == nil then
  return hs
end
if status.observedGeneration ~= nil and obj.metadata.generation ~= nil
  and status.observedGeneration < obj.metadata.generation then
  hs.message = "the controller has not looked at this generation yet"
  return hs
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local function holds(name)
  return conditions[name] ~= nil and conditions[name].status == "True"
end

local message = status.because or ""
if status.blockedBy ~= nil then
  message = status.blockedBy.message
elseif conditions["Ready"] ~= nil then
  message = conditions["Ready"].message
end
hs.message = message

local waitsForPerson = status.blockedBy ~= nil
  and (status.blockedBy.reason == "Approval" or status.blockedBy.reason == "Paused")
if holds("Stalled") then
  hs.status = "Degraded"
elseif holds("Ready") then
  hs.status = "Healthy"
elseif waitsForPerson or status.phase == "Paused" then
  hs.status = "Suspended"
else
  hs.status = "Progressing"
end
return hs
