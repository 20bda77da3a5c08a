{%- set columns = [
    ('_row_key', 'row_key', 'text'),
    ('project_id', 'project_id', 'bigint'),
    ('conversion_date', 'conversion_date', 'date'),
    ('PathDeviceID', 'device_id', 'text'),
    ('PathPosition', 'path_position', 'bigint'),
    ('PathLength', 'path_length', 'bigint'),
    ('InteractionTime', 'interaction_at', 'timestamp'),
    ('InteractionDate', 'interaction_date', 'date'),
    ('InteractionType', 'interaction_type', 'text'),
    ('InteractionDomain', 'domain', 'text'),
    ('InteractionUrlPath', 'url_path', 'text'),
    ('InteractionUtmSource', 'utm_source', 'text'),
    ('InteractionUtmMedium', 'utm_medium', 'text'),
    ('InteractionUtmCampaign', 'utm_campaign', 'text'),
    ('InteractionMediaCampaignName', 'media_campaign_name', 'text'),
    ('InteractionPlacementId', 'placement_id', 'bigint'),
    ('InteractionCreativeId', 'creative_id', 'text'),
    ('TargetEventName', 'target_event', 'text'),
    ('TargetEcomId', 'order_id', 'text'),
    ('TargetEcomAmount', 'order_amount', 'float8'),
    ('TargetEcomItemsName', 'item_name', 'text'),
    ('TargetEcomItemsCategory1', 'item_category', 'text'),
] -%}
{%- for model in var('attribution_models') -%}
    {%- do columns.append(('Weight_' ~ model | upper, 'weight_' ~ model, 'float8')) -%}
{%- endfor -%}
{{ stage('conversion_paths', columns) }}
