"""Read reference data: corporate actions, symbology, sectors."""
