"""How verdicts leave the box: kept until acknowledged, by MQTT and to the PLC."""
