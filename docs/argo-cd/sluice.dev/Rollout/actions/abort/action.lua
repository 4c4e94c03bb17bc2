-- Meant for the revision on trial, and refused for any other.
-- A script has no clock and does not know who pressed the button: the version of the object makes the command one
-- of its own, and it is given in the name of the account of Argo CD.
local by = "system:serviceaccount:argocd:argocd-server"
local parts = {
  '"id":"argocd-' .. (obj.metadata.resourceVersion or "0") .. '"',
  '"by":"' .. by .. '"',
  '"at":"' .. (obj.status ~= nil and obj.status.since or "") .. '"',
}
if obj.status ~= nil and obj.status.canary ~= nil then
  table.insert(parts, '"revision":"' .. obj.status.canary.revision .. '"')
end
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["sluice.dev/abort"] = "{" .. table.concat(parts, ",") .. "}"
return obj
