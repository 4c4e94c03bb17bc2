-- It may be tried once more: the revision that is asked for.
-- A script has no clock and does not know who pressed the button: the version of the object makes the command one
-- of its own, and it is given in the name of the account of Argo CD.
local by = "system:serviceaccount:argocd:argocd-server"
local parts = {
  '"id":"argocd-' .. (obj.metadata.resourceVersion or "0") .. '"',
  '"by":"' .. by .. '"',
  '"at":"' .. (obj.status ~= nil and obj.status.since or "") .. '"',
}
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["sluice.dev/retry"] = "{" .. table.concat(parts, ",") .. "}"
return obj
