class Setting:
    def value(self) -> object: ...

PREFECT_UI_URL: Setting
