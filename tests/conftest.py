"""What all tests share."""

# Imported here, or a test folder of the same name would win and Home Assistant would not find the integration.
import custom_components.enphase_ev  # noqa: F401
