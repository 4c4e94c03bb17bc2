-- Commands that mean something now.
local actions = {}
local phase = obj.status ~= nil and obj.status.phase or ""
local onTrial = phase == "Progressing" or phase == "Paused"
local blocked = obj.status ~= nil and obj.status.blockedBy ~= nil and obj.status.blockedBy.reason or ""
actions["promote"] = { ["disabled"] = not onTrial }
actions["pause"] = { ["disabled"] = phase ~= "Progressing" }
actions["resume"] = { ["disabled"] = phase ~= "Paused" }
actions["abort"] = { ["disabled"] = not onTrial }
actions["retry"] = { ["disabled"] = phase ~= "Aborted" and blocked ~= "Quarantined" }
return actions
