with campaigns as (
    {{ stage('campaigns', [
        ('project_id', 'project_id', 'bigint'),
        ('placement_id', 'placement_id', 'bigint'),
        ('placement_name', 'placement_name', 'text'),
        ('placement_created', 'placement_created_at', 'timestamp'),
        ('placement_status', 'placement_status', 'text'),
        ('source_id', 'documented_source_id', 'bigint'),
        ('source_name', 'documented_source_name', 'text'),
        ('marketing_campaign_id', 'documented_campaign_id', 'bigint'),
        ('marketing_name', 'documented_campaign_name', 'text'),
        ('media_source_id', 'live_source_id', 'bigint'),
        ('media_source_name', 'live_source_name', 'text'),
        ('campaign_id', 'live_campaign_id', 'bigint'),
        ('campaign_name', 'live_campaign_name', 'text'),
    ]) }}
)

-- The API has two sets of names for the same facts.
select
    project_id,
    placement_id,
    placement_name,
    placement_created_at,
    placement_status,
    coalesce(documented_source_id, live_source_id) as source_id,
    coalesce(documented_source_name, live_source_name) as source_name,
    coalesce(documented_campaign_id, live_campaign_id) as marketing_campaign_id,
    coalesce(documented_campaign_name, live_campaign_name) as marketing_campaign_name
from campaigns
