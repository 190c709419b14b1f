"""A site's batteries and the part of the cloud that configures them (docs/cloud-api/battery.md)."""
